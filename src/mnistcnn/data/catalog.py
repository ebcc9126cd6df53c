"""The data sets that `load_data` knows by name: mirrors, checksums, classes, license, citation."""

from __future__ import annotations

import string
from dataclasses import dataclass, field

from mnistcnn.data.download import Mirror
from mnistcnn.types import DIGIT_NAMES

_MNIST_FILES = {
    "train-images-idx3-ubyte.gz": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}
_FASHION_MNIST_FILES = {
    "train-images-idx3-ubyte.gz": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
    ),
    "train-labels-idx1-ubyte.gz": (
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
    ),
}
_KMNIST_FILES = {
    "train-images-idx3-ubyte.gz": (
        "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"
    ),
    "train-labels-idx1-ubyte.gz": (
        "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"
    ),
}
_QMNIST_FILES = {
    "qmnist-train-images-idx3-ubyte.gz": (
        "9e26a7bf1683614e065d7b76460ccd52807165b3f22561fb782bd9f38c52b51d"
    ),
    "qmnist-train-labels-idx2-int.gz": (
        "2c05dc77f6b916b38e455e97ab129a42a444f3dbef09b278a366f82904e0dd9f"
    ),
    "qmnist-test-images-idx3-ubyte.gz": (
        "43fc22bf7498b8fc98de98369d72f752d0deabc280a43a7bcc364ab19e57b375"
    ),
    "qmnist-test-labels-idx2-int.gz": (
        "9fbcbe594c3766fdf4f0b15c5165dc0d1e57ac604e01422608bb72c906030d06"
    ),
}
# No SHA-256 is published for the files of these two, so they are verified by their MD5.
_EMNIST_LETTERS_FILES = {
    "emnist-letters-train-images-idx3-ubyte.gz": "md5:8795078f199c478165fe18db82625747",
    "emnist-letters-train-labels-idx1-ubyte.gz": "md5:c16de4f1848ddcdddd39ab65d2a7be52",
    "emnist-letters-test-images-idx3-ubyte.gz": "md5:382093a19703f68edac6d01b8dfdfcad",
    "emnist-letters-test-labels-idx1-ubyte.gz": "md5:d4108920cd86601ec7689a97f2de7f59",
}
_EMNIST_BALANCED_FILES = {
    "emnist-balanced-train-images-idx3-ubyte.gz": "md5:4041b0d6f15785d3fa35263901b5496b",
    "emnist-balanced-train-labels-idx1-ubyte.gz": "md5:7a35cc7b2b7ee7671eddf028570fbd20",
    "emnist-balanced-test-images-idx3-ubyte.gz": "md5:6818d20fe2ce1880476f747bbc80b22b",
    "emnist-balanced-test-labels-idx1-ubyte.gz": "md5:acd3694070dcbf620e36670519d4b32f",
}
_USPS_FILES = {
    "usps.bz2": "md5:ec16c51db3855ca6c91edd34d0e9b197",
    "usps.t.bz2": "md5:8ea070ee2aca1ac39742fdd1ef5ed118",
}
# All six data sets of EMNIST in one archive of 562 MB.
EMNIST_ARCHIVE = "gzip.zip"
_EMNIST_MIRROR = Mirror(
    "https://biometrics.nist.gov/cs_links/EMNIST/",
    {EMNIST_ARCHIVE: "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e"},
    max_bytes=600 << 20,
)
_EMNIST_LICENSE = (
    "none stated by NIST; derived from NIST Special Database 19, a work of the US government"
)
_EMNIST_CITATION = (
    "G. Cohen, S. Afshar, J. Tapson, A. van Schaik (2017). EMNIST: extending MNIST to "
    "handwritten letters. International Joint Conference on Neural Networks, 2921-2926."
)
_BALANCED_NAMES = (*DIGIT_NAMES, *string.ascii_uppercase, *"abdefghnqrt")
_FASHION_NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot",
)  # fmt: skip
_KMNIST_NAMES = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


@dataclass(frozen=True)
class Conventions:
    """How the files of a data set hold its images and labels.

    Parameters
    ----------
    class_names : tuple of str
        Name of each class.
    transposed : bool, default False
        Whether rows and columns of the images are exchanged.
    first_label : int, default 0
        Label of the first class in the files.
    """

    class_names: tuple[str, ...] = DIGIT_NAMES
    transposed: bool = False
    first_label: int = 0


# By the name of a data set in the names of its files.
CONVENTIONS = {
    "emnist-balanced": Conventions(_BALANCED_NAMES, transposed=True),
    "emnist-bymerge": Conventions(_BALANCED_NAMES, transposed=True),
    "emnist-byclass": Conventions(
        (*DIGIT_NAMES, *string.ascii_uppercase, *string.ascii_lowercase), transposed=True
    ),
    "emnist-letters": Conventions(tuple(string.ascii_uppercase), transposed=True, first_label=1),
    "emnist-digits": Conventions(transposed=True),
    "emnist-mnist": Conventions(transposed=True),
    "fashion-mnist": Conventions(_FASHION_NAMES),
    "kmnist": Conventions(_KMNIST_NAMES),
}


@dataclass(frozen=True)
class NamedDataset:
    """A data set that `load_data` knows by name.

    Parameters
    ----------
    title : str
        Name in messages.
    num_train, num_test : int
        Number of images.
    mirrors : tuple of Mirror
        Servers, in the order in which they are tried.
    license, citation : str
        License as the source states it, and the publication to cite.
    folder : str
        Folder in the cache; empty for the cache itself.
    prefix : str, default ""
        What the names of its files begin with.
    conventions : Conventions
        How its files hold images and labels.
    array_md5 : tuple of str, optional
        MD5 of each array as an uncompressed IDX file, which identifies it in any format.
    """

    title: str
    num_train: int
    num_test: int
    mirrors: tuple[Mirror, ...]
    license: str
    citation: str
    folder: str
    prefix: str = ""
    conventions: Conventions = field(default_factory=Conventions)
    array_md5: tuple[str, ...] | None = None


def _emnist(name: str, num_train: int, num_test: int, *mirrors: Mirror) -> NamedDataset:
    return NamedDataset(
        title=f"EMNIST {name.title()}",
        num_train=num_train,
        num_test=num_test,
        mirrors=(*mirrors, _EMNIST_MIRROR),
        license=_EMNIST_LICENSE,
        citation=_EMNIST_CITATION,
        folder="emnist",
        prefix=f"emnist-{name}",
        conventions=CONVENTIONS[f"emnist-{name}"],
    )


NAMED_DATASETS: dict[str, NamedDataset] = {
    "mnist": NamedDataset(
        title="MNIST",
        num_train=60_000,
        num_test=10_000,
        mirrors=(
            Mirror(
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
                {"mnist.npz": "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"},
            ),
            Mirror("https://ossci-datasets.s3.amazonaws.com/mnist/", _MNIST_FILES),
            Mirror("https://storage.googleapis.com/cvdf-datasets/mnist/", _MNIST_FILES),
        ),
        license="CC BY-SA 3.0, as Keras states it",
        citation=(
            "Y. LeCun, C. Cortes, C. Burges (1998). The MNIST database of handwritten digits."
        ),
        folder="",
        array_md5=(
            "6bbc9ace898e44ae57da46a324031adb",
            "a25bea736e30d166cdddb491f175f624",
            "2646ac647ad5339dbf082846283269ea",
            "27ae3e4e09519cfbb04c329615203637",
        ),
    ),
    "fashion_mnist": NamedDataset(
        title="Fashion-MNIST",
        num_train=60_000,
        num_test=10_000,
        mirrors=tuple(
            Mirror(url, _FASHION_MNIST_FILES, max_bytes=32 << 20)
            for url in (
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            )
        ),
        license="MIT",
        citation=(
            "H. Xiao, K. Rasul, R. Vollgraf (2017). Fashion-MNIST: a novel image dataset for "
            "benchmarking machine learning algorithms. arXiv:1708.07747."
        ),
        folder="fashion_mnist",
        conventions=CONVENTIONS["fashion-mnist"],
    ),
    "kmnist": NamedDataset(
        title="Kuzushiji-MNIST",
        num_train=60_000,
        num_test=10_000,
        mirrors=tuple(
            Mirror(f"{scheme}://codh.rois.ac.jp/kmnist/dataset/kmnist/", _KMNIST_FILES,
                   max_bytes=24 << 20)
            for scheme in ("https", "http")
        ),
        license="CC BY-SA 4.0",
        citation=(
            "T. Clanuwat, M. Bober-Irizar, A. Kitamoto, A. Lamb, K. Yamamoto, D. Ha (2018). Deep "
            "learning for classical Japanese literature. arXiv:1812.01718."
        ),
        folder="kmnist",
        conventions=CONVENTIONS["kmnist"],
    ),
    "emnist-digits": _emnist("digits", 240_000, 40_000),
    "emnist-letters": _emnist(
        "letters", 124_800, 20_800,
        Mirror(
            "https://huggingface.co/datasets/Royc30ne/emnist-letters/resolve/main/",
            _EMNIST_LETTERS_FILES, max_bytes=64 << 20,
        ),
    ),
    "emnist-balanced": _emnist(
        "balanced", 112_800, 18_800,
        Mirror(
            "https://huggingface.co/datasets/Royc30ne/emnist-balanced/resolve/main/",
            _EMNIST_BALANCED_FILES, max_bytes=64 << 20,
        ),
    ),
    "qmnist": NamedDataset(
        title="QMNIST",
        num_train=60_000,
        num_test=60_000,
        mirrors=(
            Mirror(
                "https://raw.githubusercontent.com/facebookresearch/qmnist/master/", _QMNIST_FILES
            ),
        ),
        license="BSD 3-Clause for its software; none stated for the images",
        citation=(
            "C. Yadav, L. Bottou (2019). Cold case: the lost MNIST digits. Advances in Neural "
            "Information Processing Systems 32."
        ),
        folder="qmnist",
        prefix="qmnist",
    ),
    "usps": NamedDataset(
        title="USPS",
        num_train=7_291,
        num_test=2_007,
        mirrors=(
            Mirror(
                "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/", _USPS_FILES
            ),
        ),
        license="none stated",
        citation=(
            "J. J. Hull (1994). A database for handwritten text recognition research. IEEE "
            "Transactions on Pattern Analysis and Machine Intelligence 16(5), 550-554."
        ),
        folder="usps",
    ),
}  # fmt: skip

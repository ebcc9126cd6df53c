from . import recipes as recipes
from ._data import load_data as load_data
from ._types import Dataset as Dataset, Split as Split
from ._preprocessing import preprocess as preprocess
from ._model import build_model as build_model, load_model as load_model
from ._pretrained import load_pretrained as load_pretrained
from ._callbacks import default_callbacks as default_callbacks
from ._training import train as train
from ._evaluation import Evaluation as Evaluation
from ._evaluating import evaluate as evaluate
from ._mistakes import Mistakes as Mistakes
from ._reliability import Reliability as Reliability
from ._comparison import Comparison as Comparison, compare as compare
from ._sweep import Sweep as Sweep, SweepFigures as SweepFigures, SweepRun as SweepRun
from ._sweeping import sweep as sweep
from ._recognition import Recognizer as Recognizer
from ._reading import ReadDigit as ReadDigit, Reading as Reading
from ._export import export_model as export_model
from ._plotting import (
    plot_confusion_matrix as plot_confusion_matrix,
    plot_history as plot_history,
)
from ._plot_digits import plot_digits as plot_digits, plot_mistakes as plot_mistakes
from ._plot_reliability import plot_reliability as plot_reliability
from ._plot_layers import plot_activations as plot_activations, plot_filters as plot_filters
from ._plot_reading import plot_reading as plot_reading
from ._errors import (
    CorruptFileError as CorruptFileError,
    DataUnavailableError as DataUnavailableError,
    WorkerLostError as WorkerLostError,
)

__version__: str

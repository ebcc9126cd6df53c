from . import recipes as recipes
from .data.load import load_data as load_data
from .types import Dataset as Dataset, Split as Split
from .data.preprocessing import preprocess as preprocess
from .sheets.write_sheet import write_sheet as write_sheet
from .sheets.read_sheet import read_sheet as read_sheet
from .sheets.results import SheetBox as SheetBox, SheetReading as SheetReading
from .models.cnn import build_model as build_model
from .models.loading import load_model as load_model, load_pretrained as load_pretrained
from .training.callbacks import default_callbacks as default_callbacks
from .training.train import train as train
from .evaluation.results import Evaluation as Evaluation
from .evaluation.evaluate import evaluate as evaluate
from .evaluation.misclassified import MisclassifiedImages as MisclassifiedImages
from .evaluation.calibration import CalibrationCurve as CalibrationCurve
from .evaluation.calibrate import Calibration as Calibration, calibrate as calibrate
from .evaluation.comparison import Comparison as Comparison, compare as compare
from .estimators.digit_classifier import DigitClassifier as DigitClassifier
from .sweeps.results import Sweep as Sweep, SweepRun as SweepRun, SweepSummary as SweepSummary
from .sweeps.sweep import sweep as sweep
from .ocr.recognizer import Recognizer as Recognizer
from .ocr.results import Digit as Digit, Reading as Reading, Sign as Sign
from .export.export_model import export_model as export_model
from .plotting.history import plot_history as plot_history
from .plotting.evaluation import (
    plot_calibration as plot_calibration,
    plot_confusion_matrix as plot_confusion_matrix,
)
from .plotting.digits import (
    plot_digits as plot_digits,
    plot_misclassified as plot_misclassified,
)
from .plotting.layers import plot_activations as plot_activations, plot_filters as plot_filters
from .plotting.saliency import plot_saliency as plot_saliency
from .plotting.reading import plot_reading as plot_reading
from .report.write_report import write_report as write_report
from .errors import (
    CorruptFileError as CorruptFileError,
    DataUnavailableError as DataUnavailableError,
    PatternMismatchError as PatternMismatchError,
    WorkerLostError as WorkerLostError,
)

__version__: str

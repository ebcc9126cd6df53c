"""Made-up metrics of pretrained weights, for 300 images."""

import numpy as np

from tools.pretrained import metrics, train_weights


def random_predictions(count=300):
    """Probabilities of ten digits, and labels that are mostly the most probable digit."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, count)
    logits = random.normal(size=(count, 10)) + 3 * np.eye(10)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return probabilities.astype(np.float32), labels


def robustness(mean, level):
    accuracy = {f"corruption {i}": [0.9, 0.8, 0.7, 0.6, level - i / 100] for i in range(7)}
    return {"strengths": [1, 2, 3, 4, 5], "mean": mean, "accuracy": accuracy}


def best_metrics():
    probabilities, labels = random_predictions()
    made_up = metrics.prediction_metrics(probabilities, probabilities, labels)
    made_up["undisputed_labels"] |= {"images": 299, "excluded": [made_up["misclassified"][0][0]]}
    return made_up | {
        "seeds": [[0, 250], [1, 260], [2, 255]],
        "temperature": {"mean": 1.25, "each": [1.2, 1.25, 1.3], "images": 100},
        "sklearn_digits": metrics.accuracy_with_ci(probabilities, labels) | {"ece": 0.0625},
        "plain": {
            "recipe": train_weights.PLAIN.to_dict(),
            "accuracy": 0.75,
            "robustness": robustness(0.65, 0.25),
        },
        "robustness": robustness(0.7, 0.5),
        "cost": {"parameters": 34_826, "file_bytes": 140_000, "multiply_adds": 7, "flop": 14},
    }


def robust_metrics():
    """Metrics of another network on the same images, with one more correct prediction."""
    made_up = best_metrics()
    made_up["test"]["correct"] += 1
    made_up["test_accuracy"] = made_up["test"]["correct"] / 300
    made_up["misclassified"] = made_up["misclassified"][1:]
    made_up["calibration"]["after"] |= {"loss": 0.375, "ece": 0.125}
    made_up["sklearn_digits"] |= {"correct": 3, "ece": 0.25}
    made_up["seeds"] = [[0, 270]]
    made_up["temperature"] = {"mean": 1.5, "each": [1.5], "images": 100}
    made_up["robustness"]["mean"] = 0.8
    made_up["robustness"]["accuracy"]["corruption 3"] = [1.0, 1.0, 1.0, 1.0, 0.75]
    return made_up


METRICS = {"best": best_metrics, "robust": robust_metrics}

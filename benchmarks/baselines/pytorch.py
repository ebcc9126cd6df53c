"""PyTorch with channels last, data in memory and fused Adam: one epoch per turn."""

import time

from benchmarks.baselines import protocol

options = protocol.parse_args()

import torch  # after parse_args has set the cores  # noqa: E402
from torch import nn  # noqa: E402

torch.set_num_threads(options.cores)


class Network(nn.Module):
    """The baseline network; pooling before ReLU gives the same result for less work."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.dropout = nn.Dropout(0.25)
        self.dense = nn.Linear(1600, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        x = nn.functional.relu(nn.functional.max_pool2d(self.conv1(x), 2))
        x = nn.functional.relu(nn.functional.max_pool2d(self.conv2(x), 2))
        return self.dense(self.dropout(x.flatten(1)))


x, labels = protocol.load_images(options.data, options.images)
images = torch.from_numpy(x.transpose(0, 3, 1, 2)).contiguous(memory_format=torch.channels_last)
targets = torch.from_numpy(labels.astype("int64"))
model = Network().to(memory_format=torch.channels_last)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
model.train()

while True:
    protocol.wait_for_turn()
    started = time.perf_counter()
    correct, total_loss = torch.zeros(()), torch.zeros(())
    for indices in torch.randperm(len(images)).split(options.batch_size):
        batch = images[indices].contiguous(memory_format=torch.channels_last)
        logits = model(batch)
        loss = nn.functional.cross_entropy(logits, targets[indices])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total_loss += loss.detach() * len(indices)
        correct += (logits.detach().argmax(1) == targets[indices]).sum()
    correct.item()
    protocol.report(seconds=time.perf_counter() - started)

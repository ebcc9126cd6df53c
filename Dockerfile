# The service `mnistcnn serve`, without Keras and TensorFlow:
#
#     docker build --tag mnistcnn .
#     docker run --read-only --cap-drop ALL --publish 127.0.0.1:8000:8000 mnistcnn
#
# tests/serve/test_dockerfile.py runs the same steps without Docker.
FROM python:3.13-slim AS build
COPY . /source
RUN python -m venv /opt/mnistcnn \
 && /opt/mnistcnn/bin/pip install --no-cache-dir --no-compile "/source/slim[serve,pdf]" \
 && /opt/mnistcnn/bin/python -m compileall -q /opt/mnistcnn/lib \
 && /opt/mnistcnn/bin/pip uninstall --yes pip

FROM python:3.13-slim
COPY --from=build /opt/mnistcnn /opt/mnistcnn
# Nothing is written: PDF documents and HEIC images are decoded in memory.
ENV PATH=/opt/mnistcnn/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# Docker sends SIGTERM, upon which the service answers the requests that it has accepted.
ENTRYPOINT ["mnistcnn", "serve", "--host", "0.0.0.0", "--port", "8000"]
CMD ["--workers", "1"]

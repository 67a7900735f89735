# The job. Python's own image below, and torch's own wheels above: they carry the CUDA libraries, so no base brings a
# second copy of them.
#
#   docker build .                                        trains on a GPU, or without one
#   docker build --build-arg TORCH=cpu .                  without the CUDA libraries
#   docker build --build-arg TORCH=cpu --target demo .    and with a Postgres of its own: `docker run IMAGE demo`
#
# Reproducible to the byte of every package, not to the byte of the image: pin BASE_IMAGE and UV_IMAGE by digest.

ARG PYTHON_VERSION=3.11
ARG BASE_IMAGE=docker.io/library/python:${PYTHON_VERSION}-slim-bookworm
ARG UV_IMAGE=ghcr.io/astral-sh/uv:0.13.9
# How packages are put in: out of a mounted stage, so that nothing that installs is left in an image; compiled at once,
# and unchecked, so that no file's time can make what was compiled count as stale.
ARG UV="env UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=UNCHECKED_HASH \
UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV=/opt/lorentzian /mnt/uv"
# The packages' own tests are a tenth of all that would be stored, pulled and scanned.
ARG WITHOUT_TESTS="find /opt/lorentzian -type d -name tests -prune -exec rm -r {} +"

FROM ${UV_IMAGE} AS uv

# What is to be installed, out of the lock: versions and hashes. Torch apart, in a layer that changes seldom.
FROM ${BASE_IMAGE} AS lock
COPY --from=uv /uv /lock/uv
WORKDIR /src
COPY pyproject.toml uv.lock ./
ARG EXPORT="/lock/uv export --quiet --locked --no-dev --no-emit-project"
RUN $EXPORT --extra train --output-file /lock/everything.txt \
 && $EXPORT --extra train --prune torch --output-file /lock/train.txt \
 && $EXPORT --extra local --prune torch --output-file /lock/demo.txt \
 && $EXPORT --all-extras --output-file /lock/build.txt
# `cuda` is the wheel of the lock. PyPI has no other, so that of `cpu`, the same version, comes from PyTorch's own page.
ARG TORCH=cuda
ARG TORCH_CPU_WHEELS=https://download.pytorch.org/whl/cpu/torch/
RUN case "$TORCH" in \
    cuda) cp /lock/everything.txt /lock/torch-versions.txt \
       && echo torch > /lock/torch.txt ;; \
    cpu)  $EXPORT --extra train --no-emit-package torch --output-file /lock/torch-versions.txt \
       && echo "--find-links $TORCH_CPU_WHEELS" > /lock/torch.txt \
       && sed -n 's/^torch==\([^ ;]*\).*/torch==\1+cpu/p' /lock/everything.txt >> /lock/torch.txt ;; \
    *)    echo "TORCH is cuda or cpu, not '$TORCH'." >&2; exit 1 ;; \
    esac
# Older buildah mounts a stage without its last step where that was in its cache: the last one must not matter.
WORKDIR /lock

FROM lock AS wheel
WORKDIR /src
COPY LICENSE README.md ./
COPY job job
COPY dashboard dashboard
RUN /lock/uv build --quiet --wheel --build-constraints /lock/build.txt --require-hashes --out-dir /wheel
WORKDIR /wheel

FROM ${BASE_IMAGE} AS train
# Whatever is writable lies under /tmp: the root may be read-only. libgomp1 is LightGBM's; pip has nothing left to do.
# Debian keeps one version of a package: to pin it would break the build on the day of its next security update.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libgomp1 tini \
 && rm -rf /var/lib/apt/lists/* \
 && python3 -m pip uninstall --yes --quiet --root-user-action=ignore pip setuptools wheel \
 && groupadd --gid 10001 lorentzian \
 && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin lorentzian \
 && install --directory --owner=10001 --group=10001 /results
ARG UV
ARG WITHOUT_TESTS
RUN --mount=type=bind,from=lock,source=/lock,target=/mnt --mount=type=cache,target=/var/cache/uv \
    $UV venv --quiet --python "$(command -v python3)" /opt/lorentzian \
 && $UV pip install --quiet --requirements /mnt/torch.txt --constraints /mnt/torch-versions.txt \
 && $WITHOUT_TESTS
ENV PATH=/opt/lorentzian/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    XDG_CACHE_HOME=/tmp/.cache \
    MPLCONFIGDIR=/tmp/.cache/matplotlib \
    TORCHINDUCTOR_CACHE_DIR=/tmp/.cache/inductor \
    TRITON_CACHE_DIR=/tmp/.cache/triton \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN --mount=type=bind,from=lock,source=/lock,target=/mnt --mount=type=cache,target=/var/cache/uv \
    $UV pip install --quiet --require-hashes --no-deps --requirements /mnt/train.txt \
 && $WITHOUT_TESTS
WORKDIR /tmp
# The kernel is compiled for any CPU of the architecture that has AVX2, so that no pod compiles, whatever it runs on.
# /licenses says whose work is in the image; that of Debian's packages stands where Debian puts it.
RUN --mount=type=bind,from=lock,source=/lock,target=/mnt --mount=type=bind,from=wheel,source=/wheel,target=/media \
    $UV pip install --quiet --no-deps --no-index --no-cache /media/*.whl \
 && python3 -m job.model.kernel \
 && mkdir /licenses \
 && lorentzian --licenses > /licenses/packages.txt
USER 10001:10001
ENTRYPOINT ["/usr/bin/tini", "--", "lorentzian"]
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="lorentzian-trainer" \
      org.opencontainers.image.description="Walk-forward training of a Lorentzian classifier on crypto klines" \
      org.opencontainers.image.source="https://github.com/lorentzian-trainer/lorentzian-trainer" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

FROM train AS demo
USER 0
ARG UV
ARG WITHOUT_TESTS
RUN --mount=type=bind,from=lock,source=/lock,target=/mnt --mount=type=cache,target=/var/cache/uv \
    $UV pip install --quiet --require-hashes --no-deps --requirements /mnt/demo.txt \
 && $WITHOUT_TESTS \
 && lorentzian --licenses > /licenses/packages.txt
USER 10001:10001
LABEL org.opencontainers.image.title="lorentzian-trainer-demo"

# The last stage is what is built where no target is named.
FROM train

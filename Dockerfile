# The sidecar as an image: `docker build --tag pannierd:0.1.0 .`
# It runs as an unprivileged user, on a read-only root if you like: all that it writes is the lane's socket.

FROM python:3.11-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY service service
RUN python -m venv /opt/pannierd \
 && /opt/pannierd/bin/pip install --no-cache-dir --disable-pip-version-check . \
 && /opt/pannierd/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim
LABEL org.opencontainers.image.title="pannierd" \
      org.opencontainers.image.description="A sidecar that owns an application's cache" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"

# Callers in other containers reach the socket through the group, so both ids are fixed.
RUN groupadd --gid 10001 pannier \
 && useradd --uid 10001 --gid pannier --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin pannier \
 && install --directory --owner pannier --group pannier --mode 2750 /run/pannier
COPY deploy/pannier.toml /etc/pannier/pannier.toml
COPY --from=build /opt/pannierd /opt/pannierd

ENV PATH=/opt/pannierd/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 7482
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --start-interval=1s --retries=3 \
    CMD ["pannierd", "wait", "--config", "/etc/pannier/pannier.toml", "--max", "2s"]
ENTRYPOINT ["pannierd"]
CMD ["serve", "--config", "/etc/pannier/pannier.toml"]

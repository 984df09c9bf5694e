# One image for all processes: the web server, the workers, the scheduler, the migrations. compose.yaml starts them.
FROM python:3.11-slim-bookworm

# The libraries and the font that PDFs need, as in Aptfile.
COPY Aptfile /tmp/Aptfile
# hadolint ignore=DL3008
RUN apt-get update \
    && xargs apt-get install -y --no-install-recommends < /tmp/Aptfile \
    && rm -rf /var/lib/apt/lists/* /tmp/Aptfile

# A user without rights, who owns nothing but the folder of an EXPORT_STORAGE=file:///var/lib/gnb-transfer/exports.
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/gnb-transfer gnb

WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt

COPY . ./
RUN python -m compileall -q gnb wsgi.py gunicorn.conf.py

ENV PYTHONUNBUFFERED=1 BIND=0.0.0.0
USER 10001
EXPOSE 5000
STOPSIGNAL SIGTERM
CMD ["gunicorn", "wsgi:app"]

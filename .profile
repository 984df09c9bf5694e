# Heroku reads this before it starts a process. The certificate of its Key-Value Store is self-signed, so TLS to that
# broker does not verify it. The address of another broker is left unchanged.
case "${DYNO:+dyno} ${REDIS_URL:-}" in
  *'?'*) ;;
  'dyno rediss://'*.compute-1.amazonaws.com:*) export REDIS_URL="$REDIS_URL?ssl_cert_reqs=none" ;;
esac

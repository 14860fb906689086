if [ -e /etc/lazuli/proxy.env ]; then
  set -a
  . /etc/lazuli/proxy.env
  set +a
fi

run() {
  echo "lazuli: ${list}[$1]"
  bash -c -- "$2" || {
    local status=$?
    echo "lazuli: ${list}[$1] ended with status $status"
    exit "$status"
  }
}

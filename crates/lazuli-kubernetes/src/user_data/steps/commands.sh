run() {
  echo "lazuli: ${list}[$1]"
  bash -c -- "$2" || {
    local status=$?
    echo "lazuli: ${list}[$1] ended with status $status"
    exit "$status"
  }
}

# Runs the steps of this machine's first boot and leaves word of how it went:
# /run/lazuli/prepared or /run/lazuli/failed. The whole story is in the log.
log=/var/log/lazuli.log

# Azure keeps what is written to the serial port (ttyAMA0 on Arm): it can be read without a way into the machine.
serial() {
  local port
  for port in /dev/ttyS0 /dev/ttyAMA0; do
    if [ -c "$port" ]; then
      timeout 30 cp "$1" "$port"
    fi
  done
}

steps() {
  local step status
  for step in /run/lazuli/steps/*.sh; do
    # Where a boot that never ends is can be seen from outside.
    echo "lazuli: $(date -u +%FT%TZ) ${step##*/}" | tee /run/lazuli/step
    serial /run/lazuli/step
    bash -euo pipefail "$step" || {
      status=$?
      echo "lazuli: ${step##*/} ended with status $status"
      return "$status"
    }
  done
}

install -m 0600 /dev/null "$log"
if steps >>"$log" 2>&1 </dev/null; then
  date -u +%FT%TZ >/run/lazuli/prepared
  echo "lazuli: this node is prepared" >/run/lazuli/step
  serial /run/lazuli/step
  exit 0
fi

{
  echo "lazuli: this node could not be prepared; $log ends with:"
  tail -n 200 "$log"
} >/run/lazuli/failed.new
mv /run/lazuli/failed.new /run/lazuli/failed
cat /run/lazuli/failed
serial /run/lazuli/failed
exit 1

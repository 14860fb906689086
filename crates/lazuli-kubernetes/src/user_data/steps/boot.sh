# Runs the steps of this machine's first boot and leaves word of how it went:
# /run/lazuli/prepared or /run/lazuli/failed. The whole story is in the log.
log=/var/log/lazuli.log

steps() {
  local step status
  for step in /run/lazuli/steps/*.sh; do
    echo "lazuli: $(date -u +%FT%TZ) ${step##*/}"
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
  exit 0
fi

{
  echo "lazuli: this node could not be prepared; $log ends with:"
  tail -n 200 "$log"
} >/run/lazuli/failed.new
mv /run/lazuli/failed.new /run/lazuli/failed
cat /run/lazuli/failed
# Azure keeps what is written to the serial port (ttyAMA0 on Arm): it can be read without a way into the machine.
for port in /dev/ttyS0 /dev/ttyAMA0; do
  if [ -c "$port" ]; then
    timeout 30 cp /run/lazuli/failed "$port"
  fi
done
exit 1

# LUN 0, behind a SCSI or an NVMe controller; its link may come a little after the boot.
for _ in $(seq 60); do
  for disk in /dev/disk/azure/scsi1/lun0 /dev/disk/azure/data/by-lun/0; do
    if [ -b "$disk" ]; then
      mkdir -p "${1%/*}"
      ln -sfn "$(readlink -f "$disk")" "$1"
      exit 0
    fi
  done
  sleep 1
done
echo "lazuli: no data disk at LUN 0 after 60 seconds: etcd has no disk"
exit 1

# The keys of all authorities came with the user-data. They are where kubeadm wants them; the copies go: cloud-init's
# (as sent, unpacked, merged, and with what it remembers of this machine), the agent's, and ours.
forget() {
  local file
  for file in "$@"; do
    if [ -f "$file" ]; then
      shred -fu "$file" || rm -f "$file"
    fi
  done
}

for folder in /var/lib/cloud/instances/*; do
  forget "$folder"/user-data.txt* "$folder"/cloud-config.txt "$folder"/obj.pkl
done
forget /run/cloud-init/combined-cloud-config.json /var/lib/waagent/CustomData
# The agent may still read this one: it stays, without the user-data.
if [ -f /var/lib/waagent/ovf-env.xml ]; then
  sed -z -i -E 's#(<([A-Za-z0-9]+:)?CustomData>)[^<]*#\1#g' /var/lib/waagent/ovf-env.xml
fi
forget /run/lazuli/kubeadm.yaml /run/lazuli/steps/*.sh

# An API server that is away for a moment, or an image that cannot be fetched just now, is no reason to give a machine up.
again=$(($(date +%s) + 600))
pause=10
until
  kubeadm join --config /run/lazuli/kubeadm.yaml
do
  status=$?
  if [ $(($(date +%s) + pause)) -gt "$again" ]; then
    echo "lazuli: kubeadm ended with status $status again and again for 10 minutes"
    exit "$status"
  fi
  echo "lazuli: kubeadm ended with status $status; what it has left goes, and it tries again in $pause seconds"
  # Half a node would be taken for one: its certificates, its static pods, its member of etcd.
  kubeadm reset --force || true
  if [ -n "$etcd" ]; then
    rm -rf "${etcd:?}/etcd"
  fi
  sleep "$pause"
  pause=$((pause * 2 > 60 ? 60 : pause * 2))
done
if [ -n "$host" ]; then
  # A machine behind an internal load balancer does not reach itself through it. Not earlier: until here the API is that
  # of other machines.
  echo "127.0.0.1 $host # lazuli: no way back from the internal load balancer" >>/etc/hosts
  # A container has the names of its beginning, and kube-proxy begins while kubeadm still works.
  crictl="crictl --runtime-endpoint unix:///run/containerd/containerd.sock"
  for proxy in $($crictl ps -a -q --name '^kube-proxy$'); do
    $crictl rm -f "$proxy" || true
  done
fi

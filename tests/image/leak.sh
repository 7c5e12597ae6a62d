#!/usr/bin/env bash
# Runs the image of wsbpf on this machine as the DaemonSet would, beside a
# WebSocket server in another container and network namespace that does not
# close what its clients have left: 50 such connections are no alert, 51 are,
# with the server's name, pid, namespace, container and pod, and closing them
# resolves it. The pod is one of a folder with the names that a kubelet would
# give its logs.
#
# Arguments, mounts and the memory limit come from the manifest; only ports and
# the host's side of the mounts are this run's own. Exits 77 where containers
# cannot run. Takes half a minute beside the build, and one more for the base image.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
root=$here/../..
manifest=$root/deploy/kubernetes/daemonset.yaml
alert=CloseWaitAccumulation

skip() { echo "skipped: $*" >&2; exit 77; }
fail() { echo "FAILED: $*" >&2; exit 1; }
step() { echo "-- $*"; }

((EUID == 0)) || skip "needs root to run containers"
[[ -r /sys/kernel/btf/vmlinux ]] || skip "this kernel has no BTF"

for tool in curl jq nsenter promtool ss yq; do
  command -v "$tool" >/dev/null || fail "needs $tool"
done

step "the images"
"$root/scripts/image"
image=localhost/wsbpf:latest
base=localhost/wsbpf-base:$(. /etc/os-release && echo "$VERSION_CODENAME")
chat_image=localhost/wsbpf-leaky-chat:latest
buildah build --quiet --isolation chroot --layers --pull-never --build-arg BASE="$base" \
  --tag "$chat_image" "$here" >/dev/null

# Without CAP_SYS_RESOURCE podman's own defaults for both limits are too high. runc also because
# Debian's default, crun, is only recommended by podman and may be missing.
# The timeout ends what a killed run leaves behind.
container=(--runtime runc run --timeout 300
  --ulimit "nofile=$(ulimit -Hn):$(ulimit -Hn)" --ulimit nproc=4096:4096)
reason=$(podman "${container[@]}" --rm --network none --entrypoint true "$image" 2>&1) ||
  skip "podman cannot run containers here: ${reason##*$'\n'}"

name=wsbpf-image-test-$$
scratch=$(mktemp -d "/tmp/$name.XXXXXX")
clean_up() {
  local status=$?
  if ((status != 0)); then
    for log in wsbpf chat; do
      echo "-- the last lines of $log"
      podman logs --tail 20 "$name-$log" 2>&1 || true
    done
  fi
  podman rm --force --time 0 --ignore "$name-visitor" "$name-chat" "$name-wsbpf" >/dev/null 2>&1
  rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

free_port() {
  local port
  for port in $(shuf -i 20000-29999 -n 50); do
    [[ -n $(ss -Htan "sport = :$port") ]] || { echo "$port"; return; }
  done
  fail "no free port between 20000 and 29999"
}

# eventually SECONDS WHAT COMMAND...: fails with WHAT unless the command succeeds in time.
eventually() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || fail "not in time: $what"
    sleep 0.2
  done
}

api() { curl -sf --max-time 5 --unix-socket "$scratch/run/wsbpf/wsbpf.sock" "http://wsbpf$1"; }
page() { curl -sf --max-time 5 "http://127.0.0.1:$metrics_port$1"; }
alerts() { api /api/alerts | jq -c --arg state "$1" '.alerts[] | select(.state == $state)'; }
# log_has CONTAINER PATTERN. Not through a pipe: grep -q would leave before its end.
log_has() { grep -q "$2" <<<"$(podman logs "$name-$1" 2>&1)"; }
stuck() {
  api /api/listeners | jq -r ".listeners[] | select(.port == $chat_port and .netns == $netns)
    | .close_wait_stuck"
}
stuck_is() { [[ $(stuck) == "$1" ]]; }
in_close_wait() { nsenter -t "$chat_pid" -n ss -Htn state close-wait "sport = :$chat_port" | wc -l; }
close_wait_is() { [[ $(in_close_wait) == "$1" ]]; }
is_firing() { [[ -n $(alerts firing) ]]; }
is_over() { [[ -z $(alerts firing) ]] && api /api/alerts; }
same() { [[ $2 == "$3" ]] || fail "$1: expected '$3', got '$2'"; }

step "a leaking server in a network namespace of its own"
chat_port=$(free_port)
podman "${container[@]}" --detach --name "$name-chat" --network none "$chat_image" \
  serve "$chat_port" >/dev/null
eventually 20 "the server listens" log_has chat listening
chat_pid=$(podman inspect --format '{{.State.Pid}}' "$name-chat")
netns=$(stat -L -c %i "/proc/$chat_pid/ns/net")
[[ $netns != "$(stat -L -c %i /proc/self/ns/net)" ]] || fail "the server shares our namespace"

visit() {
  podman "${container[@]}" --rm --name "$name-visitor" --network "container:$name-chat" \
    "$chat_image" visit "$chat_port" "$1"
}

step "wsbpf as in the DaemonSet"
of_daemonset() { yq -r "select(.kind == \"DaemonSet\") | .spec.template.spec | $1" "$manifest"; }
metrics_port=$(free_port)
page_port=$(free_port)
mapfile -t arguments < <(of_daemonset '.containers[0].args[]')
arguments=("${arguments[@]/#0.0.0.0:19436/127.0.0.1:$metrics_port}" --port "$chat_port"
  --listen "127.0.0.1:$page_port")
options=(--memory "$(of_daemonset '.containers[0].resources.limits.memory' | sed s/Mi/m/)")
mounts=$(of_daemonset '. as $pod | .containers[0].volumeMounts[] | . as $mount
  | ($pod.volumes[] | select(.name == $mount.name)).hostPath
  | [.type, .path, $mount.mountPath, if $mount.readOnly then "ro" else "rw" end] | join(" ")')
while read -r type path inside access; do
  if [[ $type == DirectoryOrCreate ]]; then # what may be missing on a node
    path=$scratch$path
    mkdir -p "$path"
  fi
  options+=(--volume "$path:$inside:$access")
done <<<"$mounts"
chat_id=$(podman inspect --format '{{.Id}}' "$name-chat")
for id in "$chat_id" "${chat_id//[0-9]/0}"; do # like the kubelet's: links to what is not mounted
  ln -s "/var/log/pods/of-$id/0.log" "$scratch/var/log/containers/chat-${id:0:4}_shop_server-$id.log"
done
pod=chat-${chat_id:0:4}
# There are machines (sandboxes) where not even root may look into process 1, by way of which the
# container finds the cgroups of its node.
if ! ls /proc/1/root/ >/dev/null 2>&1; then
  cgroups=$(findmnt --noheadings --output TARGET --types cgroup2 | head -n 1)
  [[ -n $cgroups ]] || skip "no cgroup v2 hierarchy is mounted here"
  options+=(--volume "$cgroups:/mnt/cgroup2:ro")
fi
podman "${container[@]}" --detach --name "$name-wsbpf" --privileged --pid host --network host \
  --read-only --read-only-tmpfs=false --env NODE_NAME=image-test "${options[@]}" \
  "$image" "${arguments[@]}" >/dev/null

eventually 60 "/healthz answers" page /healthz
eventually 60 "/readyz answers 200" page /readyz
same "/readyz" "$(page /readyz)" ok
same "the node's name" "$(api /api/status | jq -r .node)" image-test
same "WebSockets are read" "$(api /api/status | jq -c .websocket)" '{"enabled":true,"reason":null}'
same "the network namespaces seen" "$(api /api/status | jq -r .coverage)" full
same "the API on --metrics-listen" \
  "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$metrics_port/api/status")" 404

step "50 connections in CLOSE_WAIT: no alert"
visit 50
eventually 10 "ss shows 50 in CLOSE_WAIT" close_wait_is 50
eventually 15 "wsbpf counts 50 as stuck" stuck_is 50
sleep 2
same "the alerts" "$(alerts firing)" ""
podman exec "$name-wsbpf" wsbpf check >/dev/null || fail "wsbpf check is not content with 50"

step "51: firing"
visit 1
eventually 10 "ss shows 51 in CLOSE_WAIT" close_wait_is 51
eventually 10 "$alert fires" is_firing
fired=$(alerts firing)
echo "$fired"
same "the alert" "$(jq -r '[.name, .severity, .value, .threshold,
  .listener.port, .listener.netns, .listener.role, .listener.comm] | join(" ")' <<<"$fired")" \
  "$alert warning 51 50 $chat_port $netns server leaky-chat"
same "the alert's pod" "$(jq -r '.listener | [.namespace, .pod, .container] | join(" ")' \
  <<<"$fired")" "shop $pod server"
[[ $(jq -r .summary <<<"$fired") == *"leaky-chat[$chat_pid] in pod shop/$pod,"* ]] ||
  fail "the summary does not name leaky-chat[$chat_pid] in pod shop/$pod"

same "the owners of what is in CLOSE_WAIT" "$(api '/api/connections?limit=1000' | jq -c \
  "[.connections[] | select(.state == \"close_wait\" and .local.port == $chat_port)
    | [.owner.pid, .owner.comm, .netns, .role]] | group_by(.) | map(.[0] + [length])")" \
  "[[$chat_pid,\"leaky-chat\",$netns,\"server\",51]]"
places() { jq -c "[.connections[] | select(.local.port == $chat_port) | .owner
  | [.container_id, .namespace, .pod, .container]] | unique"; }
echo "its cgroup: $(api '/api/connections?limit=1' | jq -r '.connections[0].owner.cgroup')"
same "where that process runs" "$(api '/api/connections?limit=1000' | places)" \
  "[[\"$chat_id\",\"shop\",\"$pod\",\"server\"]]"
grep -q "shop/$pod" <<<"$(podman exec "$name-wsbpf" wsbpf list -o wide)" ||
  fail "wsbpf list -o wide does not show the pod"

status=0
podman exec "$name-wsbpf" wsbpf check >"$scratch/check" || status=$?
same "the exit code of wsbpf check" "$status" 3
grep -q "$alert" <<<"$(podman exec "$name-wsbpf" wsbpf alerts)" || fail "wsbpf alerts does not show it"
log_has wsbpf "$alert.*firing.*leaky-chat\|leaky-chat.*$alert" || fail "the log does not show it"

page /metrics >"$scratch/metrics"
promtool check metrics <"$scratch/metrics" || fail "promtool refuses /metrics"
metric() { # NAME LABEL...: the value of its one series that has these labels
  local series label
  series=$(grep "^$1{" "$scratch/metrics")
  for label in "${@:2}"; do series=$(grep -F "$label" <<<"$series"); done
  echo "${series##* }"
}
same "the metric" "$(metric wsbpf_close_wait_stuck_connections "port=\"$chat_port\"" \
  'role="server"' 'comm="leaky-chat"' "namespace=\"shop\",pod=\"$pod\",container=\"server\"")" 51
same "wsbpf_alerts_firing" \
  "$(metric wsbpf_alerts_firing "alert=\"$alert\"" 'severity="warning"')" 1

step "from a cgroup namespace of its own, without pods: the container is found all the same"
own=$(podman "${container[@]}" --rm --privileged --pid host --network host --cgroupns private \
  "$image" list -o json --socket /none --port "$chat_port" 2>/dev/null) || fail "wsbpf list"
echo "its cgroup: $(jq -r '.connections[0].owner.cgroup' <<<"$own")"
same "the container" "$(places <<<"$own")" "[[\"$chat_id\",null,null,null]]"

step "a new pod takes over: it knows them, and how old they are, from the state file"
podman restart --time 3 "$name-wsbpf" >/dev/null
eventually 15 "$alert fires again" is_firing
same "the sources of the ages" "$(api '/api/connections?limit=1000' | jq -c \
  "[.connections[] | select(.local.port == $chat_port) | .age_source] | group_by(.)
    | map([.[0], length])")" '[["exact",51]]'

step "the server closes them: resolved"
podman kill --signal USR1 "$name-chat" >/dev/null
eventually 5 "ss shows none in CLOSE_WAIT" close_wait_is 0
eventually 20 "$alert resolves" is_over
podman exec "$name-wsbpf" wsbpf check >/dev/null || fail "wsbpf check is not content at the end"
log_has wsbpf "$alert.*resolved\|resolved.*$alert" || fail "the log shows no end"

step "the end"
podman stop --time 3 "$name-wsbpf" >/dev/null # SIGKILL, and so 137, after three seconds
same "the exit code" "$(podman inspect --format '{{.State.ExitCode}}' "$name-wsbpf")" 0
[[ ! -e $scratch/run/wsbpf/wsbpf.sock ]] || fail "the socket file is left behind"
echo "passed"

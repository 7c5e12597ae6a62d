# Scene 4, for scripts/demo: a peer that vanishes while the server is writing to it.
#
# Server and peers are in network namespaces of their own, joined by a virtual cable. A namespace
# lives as long as the process that holds it, so that nothing has to be deleted.

title "4 of 4: a peer that vanishes"
cat <<-END
	Two clients hear news twice a second from a server on port $peer_port. Then one loses its
	network, as a phone does in a tunnel: no FIN, no reset, nothing. The server's kernel sends
	again and again until it gives up: after 15 minutes by default, here (net.ipv4.tcp_retries2
	is $retries) within half a minute.
END

start unshare --net sleep infinity
server_side=$!
start unshare --net sleep infinity
peer_side=$!
within() { nsenter --net="/proc/$1/ns/net" "${@:2}"; }
has_own_network() { [[ $(readlink "/proc/$1/ns/net") != "$(readlink /proc/self/ns/net)" ]]; }
until_so 10 "a network namespace" has_own_network "$server_side"
until_so 10 "a network namespace" has_own_network "$peer_side"

within "$server_side" ip link add cable type veth peer name cable netns "$peer_side"
within "$server_side" ip address add 10.77.0.1/24 dev cable
within "$server_side" ip link set cable up
within "$server_side" sysctl -qw net.ipv4.tcp_retries2="$retries"
for address in 10.77.0.21 10.77.0.22; do
	within "$peer_side" ip address add "$address/24" dev cable
done
within "$peer_side" ip link set cable up

start nsenter --net="/proc/$server_side/ns/net" node "$parts/server.mjs" talk 10.77.0.1 "$peer_port"
peers_listened() { within "$server_side" ss -Hltn "sport = :$peer_port" | grep -q .; }
until_so 30 "a server on port $peer_port" peers_listened
for address in 10.77.0.21 10.77.0.22; do
	start nsenter --net="/proc/$peer_side/ns/net" \
		node "$parts/clients.mjs" "ws://10.77.0.1:$peer_port" 1 0 "$address"
done
both_open() { (($(wsbpf list -o jsonl state established and sport = ":$peer_port" | wc -l) == 2)); }
until_so 30 "two clients on port $peer_port" both_open

within "$peer_side" nft -f - <<-END
	table inet tunnel {
	  chain input { type filter hook input priority 0; ip daddr 10.77.0.22 drop; }
	  chain output { type filter hook output priority 0; ip saddr 10.77.0.22 drop; }
	}
END

half_open() { wsbpf list -o jsonl half-open unacked and sport = ":$peer_port"; }
is_half_open() { half_open | grep -q .; }
until_so 30 "a half-open connection" is_half_open
id=$(half_open | sed -n '1s/^{"id":"\([0-9.]*\)".*/\1/p')

shows 4 wsbpf list sport = ":$peer_port"
cat <<-END

	HALF-OPEN says unacked: what is sent is not acknowledged. Such a connection is established
	for ss, and the application does not know. For wsbpf it has the id $id:
END
shows 30 wsbpf explain "$id"

gave_up() { grep '"type":"closed"' "$events" | grep "\"id\":\"$id\"" | grep -q '"verdict":"peer_vanished"'; }
until_so 120 "the verdict peer_vanished of connection $id" gave_up
cat <<-END

	Now the kernel has given up:
END
shows 30 wsbpf explain "$id"
cat <<-END

	So: nobody closed it, the peer vanished. Ping, and terminate after a missed pong; or set
	TCP_USER_TIMEOUT.
END
pause

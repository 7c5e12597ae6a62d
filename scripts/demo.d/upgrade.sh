# Scene 3, for scripts/demo: a proxy whose configuration lacks what passes WebSockets on.

title "3 of 4: a proxy that does not pass the upgrade"
cat <<-END
	Another nginx, on port $plain_port, is before the same server, but nobody has told it of
	WebSockets: it asks the server by HTTP/1.0, without the Upgrade header. The browser says only
	"WebSocket connection failed".
END

start_proxy "$plain_port"
node "$parts/visitor.mjs" "ws://127.0.0.1:$plain_port" >>"$scratch/log" 2>&1
has_failed() { (($(ended "$backend_port" upgrade_failed) == 1)); }
until_so 60 "an upgrade that failed on port $backend_port" has_failed
id=$(grep '"verdict":"upgrade_failed"' "$events" | grep "\"port\":$backend_port}" |
	sed -n '1s/.*"connection":{"id":"\([0-9.]*\)".*/\1/p')

shows 4 wsbpf events --no-follow --since 1m verdict upgrade_failed and sport = ":$backend_port"
shows 30 wsbpf explain "$id"
cat <<-END

	The same visitor by the proxy of scene 2, which passes the upgrade on, is served, and says
	goodbye:
END
node "$parts/visitor.mjs" "ws://127.0.0.1:$proxy_port" >>"$scratch/log" 2>&1
is_clean() { (($(ended "$backend_port" clean) == 1)); }
until_so 60 "a clean end on port $backend_port" is_clean
shows 4 wsbpf events --no-follow --since 1m verdict clean and sport = ":$backend_port"
cat <<-END

	So: what the proxy left out is told where it is missing, at the server; and a WebSocket that
	ends by Close frames both ways is clean, and has its code.
END
pause

# What the scenarios share: the program under test ($DAVIT), a registry of Debian's docker-registry
# on a port of the kernel's choice, and a small root file system. Each file of scenarios has a
# registry of its own; each scenario a directory of its own ($BATS_TEST_TMPDIR).

bats_require_minimum_version 1.5.0

davit() { "$DAVIT" "$@"; }

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start_registry [NAME] [LINES OF CONFIGURATION]: sets REGISTRY (HOST:PORT) and ACCESS_LOG.
start_registry() {
  local name=${1:-registry} more=${2:-}
  local directory=$BATS_FILE_TMPDIR/$name try port
  mkdir -p "$directory/storage"
  for try in 1 2 3 4 5; do
    port=$(free_port)
    cat > "$directory/config.yml" <<END
version: 0.1
log:
  level: info
  formatter: json
storage:
  filesystem:
    rootdirectory: $directory/storage
  delete:
    enabled: true
http:
  addr: 127.0.0.1:$port
$more
END
    docker-registry serve "$directory/config.yml" > "$directory/log" 2>&1 3>&- &
    echo $! > "$directory/pid"
    if wait_for_port "$port" "$(cat "$directory/pid")"; then
      export REGISTRY=localhost:$port PORT=$port ACCESS_LOG=$directory/log
      return 0
    fi
  done
  echo "docker-registry does not start: $(tail -n 3 "$directory/log")" >&2
  return 1
}

# start_faulty_registry [OPTION]...: sets FAULTY (HOST:PORT) and FAULTY_LOG. It ends with the test:
# it serves until its standard input closes.
start_faulty_registry() {
  requires "$FAULTY_REGISTRY"
  export FAULTY FAULTY_LOG=$BATS_TEST_TMPDIR/faulty.log
  coproc FAULTY_REGISTRY_PROCESS { "$FAULTY_REGISTRY" --log "$FAULTY_LOG" "$@" 3>&-; }
  read -r FAULTY <&"${FAULTY_REGISTRY_PROCESS[0]}"
}

# ends_with STATUS PID: the process ends within two seconds, and so.
ends_with() {
  local status=0 began=$EPOCHREALTIME
  wait "$2" || status=$?
  [ "$status" -eq "$1" ] || { echo "status $status" >&2; return 1; }
  awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { exit !(b - a < 2) }'
}

wait_for_port() {
  local port=$1 pid=$2 i
  for i in $(seq 1 100); do
    if (exec 4<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; then return 0; fi
    kill -0 "$pid" 2> /dev/null || return 1
    sleep 0.05
  done
  return 1
}

stop_registries() {
  local pid
  for pid in "$BATS_FILE_TMPDIR"/*/pid; do
    if [ -f "$pid" ]; then kill "$(cat "$pid")" 2> /dev/null || true; fi
  done
}

# A directory with one of each kind of file that an unprivileged person can make.
make_rootfs() {
  local directory=$1
  mkdir -p "$directory/etc" "$directory/bin" "$directory/usr/lib"
  echo "davit" > "$directory/etc/hostname"
  head -c 300000 /dev/zero > "$directory/usr/lib/zeros"
  printf '#!/bin/sh\necho hello\n' > "$directory/bin/hello"
  chmod 755 "$directory/bin/hello"
  chmod 600 "$directory/etc/hostname"
  ln -s ../usr/lib "$directory/bin/lib"
  ln "$directory/bin/hello" "$directory/bin/hello-again"
  mkfifo "$directory/etc/fifo"
  find "$directory" -exec touch -h -d '2024-05-06 07:08:09 UTC' {} +
}

# Each test has a home of its own, so that nobody's credentials are used or changed.
isolate() {
  export HOME=$BATS_TEST_TMPDIR/home
  mkdir -p "$HOME"
  unset DOCKER_CONFIG REGISTRY_AUTH_FILE XDG_RUNTIME_DIR XDG_CONFIG_HOME SOURCE_DATE_EPOCH
  cd "$BATS_TEST_TMPDIR" || return 1
}

# The requests that the registry has answered, as "METHOD URI".
registry_requests() {
  python3 - "$ACCESS_LOG" <<'END'
import json, sys
for line in open(sys.argv[1]):
    try:
        entry = json.loads(line)
    except ValueError:
        continue
    if entry.get("msg") == "response completed":
        print(entry["http.request.method"], entry["http.request.uri"], entry.get("http.response.status", ""))
END
}

requires() {
  command -v "$1" > /dev/null || skip "$1 is not installed"
}

# The error is one line that begins "davit: ", and perhaps a hint.
assert_one_error_line() {
  [ "$(grep -c '^davit: ' <<< "$stderr")" -eq 1 ] || { echo "stderr: $stderr" >&2; return 1; }
  [ "$(grep -cv -e '^davit: ' -e '^hint: ' <<< "$stderr")" -eq 0 ] ||
    { echo "stderr: $stderr" >&2; return 1; }
}

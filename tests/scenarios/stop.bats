# How it ends before it is done: at the first failure, and at a signal, whatever it waits for. And how
# often it tries.

load common

setup_file() {
  make_rootfs "$BATS_FILE_TMPDIR/rootfs"
  head -c 3000000 /dev/urandom > "$BATS_FILE_TMPDIR/rootfs/large"
  davit build -q --rootfs "$BATS_FILE_TMPDIR/rootfs" -t "oci:$BATS_FILE_TMPDIR/image:1" > /dev/null
  export IMAGE=oci:$BATS_FILE_TMPDIR/image:1
}

setup() { cd "$BATS_TEST_TMPDIR"; }

# start_stalling_registry [WORDS...]: sets STALLING (HOST:PORT). It ends with the test.
start_stalling_registry() {
  coproc STALLING_PROCESS { exec python3 "$BATS_TEST_DIRNAME/../support/stalling_registry.py" log "$@" 3>&-; }
  read -r STALLING <&"${STALLING_PROCESS[0]}"
}

# until_logged TEXT [COUNT]
until_logged() {
  local i
  for i in $(seq 1 1000); do
    [ "$(grep -c "$1" log)" -lt "${2:-1}" ] || return 0
    sleep 0.01
  done
  cat log >&2
  return 1
}

# stops PID: SIGTERM ends it within two seconds, as an interruption.
stops() {
  kill -TERM "$1"
  ends_with 130 "$1"
}

@test "a blob that is missing ends seven that are stalled at once" {
  start_stalling_registry missing
  "$DAVIT" copy -q "$STALLING/app:1" oci:out:1 2> errors 3>&- &
  ends_with 3 $!
  grep -q 404 errors
}

@test "a signal ends a download that is stalled" {
  start_stalling_registry
  "$DAVIT" copy -q "$STALLING/app:1" oci:out:1 3>&- &
  until_logged stalled
  stops $!
}

@test "a signal ends an upload that is stalled" {
  start_stalling_registry
  "$DAVIT" copy -q "$IMAGE" "$STALLING/app:2" 3>&- &
  until_logged stalled
  stops $!
}

@test "a signal ends the wait before the next try" {
  start_stalling_registry busy 60
  "$DAVIT" copy -q "$STALLING/app:1" oci:out:1 3>&- &
  until_logged app
  stops $!
}

@test "a signal ends the wait for a layout that another process writes" {
  davit copy -q "$IMAGE" oci:out:1 > /dev/null
  exec 9< out/.davit.lock
  flock 9
  "$DAVIT" copy -q "$IMAGE" oci:out:2 3>&- 9<&- &
  local pid=$!
  until ls -l "/proc/$pid/fd" | grep -q davit.lock; do sleep 0.01; done
  stops "$pid"
}

@test "a signal ends a credential helper that hangs" {
  start_stalling_registry
  mkdir bin config
  printf '#!/bin/sh\necho asked >> log\nexec sleep 600\n' > bin/docker-credential-hang
  chmod +x bin/docker-credential-hang
  printf '{"credsStore": "hang"}' > config/config.json
  DOCKER_CONFIG=$PWD/config PATH=$PWD/bin:$PATH "$DAVIT" logout "$STALLING" 3>&- &
  until_logged asked
  stops $!
}

@test "the tries that are said are those that are made" {
  start_stalling_registry busy
  run ! davit copy -q --retries 2 "$STALLING/app:1" oci:out:1
  [[ $output == *"(3 tries)"* ]]
  [ "$(grep -c 'manifests/1' log)" -eq 3 ]
}

@test "beginning an upload is tried as often as was asked for" {
  start_stalling_registry busy
  run ! davit copy -q --retries 2 "$IMAGE" "$STALLING/app:2"
  [[ $output == *"(3 tries)"* ]]
  [ "$(wc -l < log)" -eq 3 ]
}

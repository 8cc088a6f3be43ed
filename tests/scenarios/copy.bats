#!/usr/bin/env bats
# davit push, copy, tag, delete, index: images that move

load common

setup_file() {
  start_registry second
  export SECOND=$REGISTRY
  start_registry
}
teardown_file() { stop_registries; }
setup() {
  isolate
  make_rootfs rootfs
  davit build -q --rootfs rootfs -t oci:local:1 > /dev/null
  digest=$(davit digest oci:local:1)
}

@test "an image goes from a layout to a registry and on, its digest unchanged" {
  [ "$(davit push oci:local:1 "$REGISTRY/a:1")" = "$REGISTRY/a@$digest" ]
  [ "$(davit copy "$REGISTRY/a:1" "$SECOND/b:2")" = "$SECOND/b@$digest" ]
  [ "$(davit copy "$SECOND/b:2" oci-archive:b.tar:2)" = "oci-archive:b.tar@$digest" ]
  [ "$(davit cp oci-archive:b.tar:2 oci:again:2)" = "oci:again@$digest" ]
}

@test "blobs are mounted between repositories of one registry" {
  davit push oci:local:1 "$REGISTRY/from:1" > /dev/null
  davit copy "$REGISTRY/from:1" "$REGISTRY/to:1" > /dev/null
  registry_requests | grep "/v2/to/" > requests
  [ "$(grep -c 'POST .*mount=' requests)" -eq 2 ]
  [ "$(grep -c '^PUT /v2/to/blobs' requests || true)" -eq 0 ]
}

@test "what is there is not sent again" {
  davit push oci:local:1 "$REGISTRY/twice:1" > /dev/null
  before=$(registry_requests | grep -c 'POST /v2/twice/' || true)
  davit push oci:local:1 "$REGISTRY/twice:1" > /dev/null
  [ "$(registry_requests | grep -c 'POST /v2/twice/' || true)" -eq "$before" ]
}

@test "an index is copied whole, or one platform of it" {
  davit build -q --rootfs rootfs --platform linux/arm64 -t oci:local:arm > /dev/null
  davit index create oci:local:all oci:local:1 oci:local:arm > /dev/null
  davit copy oci:local:all "$REGISTRY/index:all" > /dev/null
  [ "$(davit digest "$REGISTRY/index:all")" = "$(davit digest oci:local:all)" ]
  davit copy --platform linux/arm64 "$REGISTRY/index:all" oci:arm:1 > /dev/null
  [ "$(davit digest oci:arm:1)" = "$(davit digest oci:local:arm)" ]
}

@test "skopeo reads what davit wrote, and the other way round" {
  requires skopeo
  davit push oci:local:1 "$REGISTRY/skopeo:1" > /dev/null
  skopeo copy --insecure-policy --src-tls-verify=false "docker://$REGISTRY/skopeo:1" oci:theirs:1
  [ "$(davit digest oci:theirs:1)" = "$digest" ]
  skopeo copy --insecure-policy --dest-tls-verify=false oci:theirs:1 "docker://$REGISTRY/back:1"
  [ "$(davit digest "$REGISTRY/back:1")" = "$digest" ]
  davit copy "$REGISTRY/back:1" oci-archive:ours.tar:1 > /dev/null
  skopeo copy --insecure-policy oci-archive:ours.tar:1 oci:from-ours:1
  [ "$(davit digest oci:from-ours:1)" = "$digest" ]
}

@test "an archive is read also when it is compressed" {
  davit copy oci:local:1 oci-archive:x.tar:1 > /dev/null
  gzip x.tar
  [ "$(davit digest oci-archive:x.tar.gz:1)" = "$digest" ]
  davit copy oci-archive:x.tar.gz:1 "$REGISTRY/gz:1" > /dev/null
}

@test "tags are added without moving layers" {
  davit push oci:local:1 "$REGISTRY/tagged:1" > /dev/null
  [ "$(davit tag "$REGISTRY/tagged:1" stable latest)" = "$REGISTRY/tagged@$digest" ]
  [ "$(davit tags "$REGISTRY/tagged" | sort | paste -sd' ')" = "1 latest stable" ]
  [ "$(davit digest "$REGISTRY/tagged:stable")" = "$digest" ]
}

@test "an image is deleted by its digest, and then it is gone" {
  davit push oci:local:1 "$REGISTRY/gone:1" > /dev/null
  davit delete "$REGISTRY/gone@$digest"
  run davit digest "$REGISTRY/gone:1"
  [ "$status" -eq 3 ]
  run --separate-stderr davit delete "$REGISTRY/gone@$digest"
  [ "$status" -eq 3 ]
  assert_one_error_line
}

@test "push takes local sources only" {
  run --separate-stderr davit push "$REGISTRY/a:1" "$REGISTRY/b:1"
  [ "$status" -eq 2 ]
  [[ "$stderr" == *"copy takes any place"* ]]
}

@test "a damaged layout is exit status 6 and moves no tag" {
  blob=$(find local/blobs/sha256 -type f -printf "%s %p\n" | sort -n | tail -n 1 | cut -d" " -f2)
  printf 'x' | dd of="$blob" bs=1 seek=100 conv=notrunc status=none
  run --separate-stderr davit push oci:local:1 "$REGISTRY/damaged:1"
  [ "$status" -eq 6 ]
  assert_one_error_line_after_progress
  run davit digest "$REGISTRY/damaged:1"
  [ "$status" -eq 3 ]
}

assert_one_error_line_after_progress() {
  [ "$(grep -c '^davit: ' <<< "$stderr")" -eq 1 ]
}

@test "a missing source is exit status 3" {
  for source in oci:absent:1 oci:local:absent oci-archive:absent.tar "$REGISTRY/absent:1"; do
    run --separate-stderr davit copy "$source" oci:out:1
    [ "$status" -eq 3 ] || { echo "$source: $status $stderr" >&2; return 1; }
    assert_one_error_line
  done
}

@test "a registry that is down is exit status 5" {
  run --separate-stderr davit copy --retries 0 oci:local:1 "localhost:$(free_port)/x:1"
  [ "$status" -eq 5 ]
}

@test "an interrupted copy leaves a valid layout and goes on" {
  head -c 20000000 /dev/urandom > rootfs/noise
  davit build -q --rootfs rootfs -t "$REGISTRY/large:1" > /dev/null
  "$DAVIT" copy -q "$REGISTRY/large:1" oci:into:1 > /dev/null 2>&1 3>&- &
  pid=$!
  kill -9 "$pid" 2> /dev/null || true
  wait "$pid" 2> /dev/null || true
  davit copy -q "$REGISTRY/large:1" oci:into:1 > /dev/null
  [ "$(davit digest oci:into:1)" = "$(davit digest "$REGISTRY/large:1")" ]
}

@test "podman loads a docker-archive, and davit reads it back with its digest" {
  davit build --rootfs rootfs --cmd /bin/hello -t oci:layout:1 > built
  davit copy oci:layout:1 docker-archive:image.tar:team/hello:1.0 > /dev/null
  [ "$(davit digest docker-archive:image.tar:team/hello:1.0)" = "$(cut -d@ -f2 built)" ]
  tar -xOf image.tar manifest.json | grep -q '"RepoTags":\["docker.io/team/hello:1.0"\]'
  requires podman
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  podman() { command podman --root "$PWD/podman" --runroot "$PWD/run" --storage-driver vfs "$@"; }
  podman load -q -i image.tar
  podman image inspect docker.io/team/hello:1.0 | grep -q '/bin/hello'
  config=$(davit manifest oci:layout:1 | python3 -c 'import json, sys; print(json.load(sys.stdin)["config"]["digest"][7:])')
  [ "$(podman image inspect --format '{{.Id}}' docker.io/team/hello:1.0)" = "$config" ]
}

@test "what podman and skopeo save is read" {
  davit build --rootfs rootfs --cmd /bin/hello -t oci:layout:1 > /dev/null
  davit unpack -q oci:layout:1 expected
  requires skopeo
  skopeo copy -q oci:layout:1 docker-archive:skopeo.tar:team/hello:1.0
  run --separate-stderr davit unpack docker-archive:skopeo.tar:team/hello:1.0 unpacked
  [ "$status" -eq 0 ]
  [[ "$stderr" == *"made anew"* ]]
  diff -r --no-dereference --exclude=fifo expected unpacked
  davit copy -q docker-archive:skopeo.tar "$REGISTRY/from-docker:1" > copied
  skopeo inspect --tls-verify=false "docker://$REGISTRY/from-docker:1" > /dev/null
  davit inspect "$(cat copied)" | grep -q /bin/hello
  requires podman
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  podman() { command podman --root "$PWD/podman" --runroot "$PWD/run" --storage-driver vfs "$@"; }
  podman load -q -i skopeo.tar
  podman save -q -o podman.tar team/hello:1.0
  [ "$(davit digest docker-archive:podman.tar)" = "$(davit digest docker-archive:skopeo.tar)" ]
}

@test "what goes to two registries leaves its source once" {
  start_faulty_registry --image app:1
  davit copy -q "$FAULTY/app:1" "$REGISTRY/one:1" "$REGISTRY/two:1" > /dev/null
  grep -q 'GET /v2/app/blobs/' "$FAULTY_LOG"
  [ -z "$(grep -o 'GET /v2/app/blobs/[^ ]*' "$FAULTY_LOG" | sort | uniq -d)" ]
}

@test "what goes to a layout and to its own registry is mounted there" {
  davit push -q oci:local:1 "$REGISTRY/origin:1" > /dev/null
  davit copy -q "$REGISTRY/origin:1" oci:out:1 "$REGISTRY/mounted:1" > /dev/null
  registry_requests | grep "/v2/mounted/" > requests
  [ "$(grep -c 'POST .*mount=' requests)" -eq 2 ]
  [ "$(grep -c '^PUT /v2/mounted/blobs' requests || true)" -eq 0 ]
  [ "$(davit digest "$REGISTRY/mounted:1")" = "$digest" ]
}

@test "the next copy mends a layout that has lost a blob, or has a damaged one" {
  davit copy -q oci:local:1 oci:out:1 > /dev/null
  local blob
  for blob in $(ls out/blobs/sha256); do
    rm "out/blobs/sha256/$blob"
    davit copy -q oci:local:1 oci:out:1 > /dev/null
    printf x | dd of="out/blobs/sha256/$blob" conv=notrunc status=none
    davit copy -q oci:local:1 oci:out:1 > /dev/null
    [ "$(sha256sum < "out/blobs/sha256/$blob")" = "$blob  -" ]
  done
}

@test "with --force all is sent again" {
  davit copy -q oci:local:1 "$REGISTRY/force:1" > /dev/null
  davit copy --force --progress plain oci:local:1 "$REGISTRY/force:1" 2> progress > /dev/null
  [ "$(grep -c ' done ' progress)" -eq 3 ]
  run ! grep -E 'exists|mounted' progress
}

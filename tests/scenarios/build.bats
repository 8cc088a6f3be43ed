#!/usr/bin/env bats
# davit build

load common

setup_file() { start_registry; }
teardown_file() { stop_registries; }
setup() {
  isolate
  make_rootfs rootfs
}

@test "a directory becomes an image that skopeo reads" {
  requires skopeo
  run --separate-stderr davit build --rootfs rootfs -t "$REGISTRY/one:1.0" --cmd /bin/hello
  [ "$status" -eq 0 ]
  [[ "$output" == "$REGISTRY/one@sha256:"* ]]
  skopeo inspect --tls-verify=false "docker://$REGISTRY/one:1.0" > inspected
  grep -q "\"Digest\": \"${output#*@}\"" inspected
}

@test "stdout is the one line that names the image by its digest" {
  run --separate-stderr davit build --rootfs rootfs -t "$REGISTRY/line:1.0"
  [ "$status" -eq 0 ]
  [ "${#lines[@]}" -eq 1 ]
  davit manifest "$output" > manifest
  [ "sha256:$(sha256sum < manifest | cut -d' ' -f1)" = "${output#*@}" ]
}

@test "the unpacked image equals the directory" {
  requires umoci
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  davit build --rootfs rootfs -t oci:layout:1.0 > /dev/null
  umoci unpack --image layout:1.0 bundle > /dev/null
  list() { (cd "$1" && find . -printf '%P %y %m %U %G %l %n %T@\n' | sort); }
  diff <(list rootfs) <(list bundle/rootfs)
  diff -r --no-dereference --exclude=fifo rootfs bundle/rootfs
}

@test "the same tree gives the same image, in another place and with other jobs" {
  davit build --rootfs rootfs -t oci:a:1 > first
  mkdir elsewhere
  cp -a rootfs elsewhere/copy
  davit build -j 1 --rootfs elsewhere/copy -t oci:b:1 > second
  [ "$(cut -d@ -f2 first)" = "$(cut -d@ -f2 second)" ]
}

@test "the same tree gives the same image on one processor as on all" {
  requires taskset
  davit build --rootfs rootfs -t oci:a:1 > first
  taskset 1 "$DAVIT" build --rootfs rootfs -t oci:b:1 > second
  [ "$(cut -d@ -f2 first)" = "$(cut -d@ -f2 second)" ]
}

@test "the same tree gives the same image on an older processor" {
  requires qemu-x86_64
  if grep -q __asan_init "$DAVIT"; then skip "AddressSanitizer's memory does not fit into the emulator"; fi
  head -c 3000000 "$(command -v bash)" > rootfs/bin/bash
  for compression in gzip gzip:1 gzip:6 zstd none; do
    davit build --rootfs rootfs --compression "$compression" -t oci:a:1 > first
    qemu-x86_64 -cpu Nehalem "$DAVIT" build --rootfs rootfs --compression "$compression" -t oci:b:1 > second
    [ "$(cut -d@ -f2 first)" = "$(cut -d@ -f2 second)" ] || { echo "$compression" >&2; return 1; }
  done
}

@test "gzip is one member, for every reader" {
  head -c 3000000 /dev/urandom > rootfs/noise
  davit build --rootfs rootfs -t oci:layout:1 > /dev/null
  member() { python3 -c 'import json, sys; print(eval("json.load(sys.stdin)" + sys.argv[1])[7:])' "$1"; }
  blob=layout/blobs/sha256/$(davit manifest oci:layout:1 | member '["layers"][0]["digest"]')
  diff_id=$(davit config oci:layout:1 | member '["rootfs"]["diff_ids"][0]')
  [ "$(zcat < "$blob" | sha256sum | cut -d' ' -f1)" = "$diff_id" ]
  [ "$(unpigz < "$blob" | sha256sum | cut -d' ' -f1)" = "$diff_id" ]
  python3 - "$blob" "$diff_id" <<'END'
import hashlib, sys, zlib
one = zlib.decompressobj(31)
tar = one.decompress(open(sys.argv[1], "rb").read()) + one.flush()
assert one.eof and not one.unused_data
assert hashlib.sha256(tar).hexdigest() == sys.argv[2]
END
}

@test "SOURCE_DATE_EPOCH clamps file times and dates the image" {
  touch -d '2030-01-01 UTC' rootfs/etc/hostname
  SOURCE_DATE_EPOCH=1700000000 davit build --rootfs rootfs -t oci:a:1 > first
  touch -d '2031-01-01 UTC' rootfs/etc/hostname
  SOURCE_DATE_EPOCH=1700000000 davit build --rootfs rootfs -t oci:b:1 > second
  [ "$(cut -d@ -f2 first)" = "$(cut -d@ -f2 second)" ]
  davit config oci:a:1 | grep -q '"created":"2023-11-14T22:13:20Z"'
}

@test "a tarball is used as it is written, compressed or not" {
  tar -C rootfs -cf layer.tar .
  gzip -k -9 layer.tar
  davit build --layer layer.tar.gz -t oci:out:gz > /dev/null
  davit manifest oci:out:gz | grep -q "sha256:$(sha256sum < layer.tar.gz | cut -d' ' -f1)"
  davit config oci:out:gz | grep -q "sha256:$(sha256sum < layer.tar | cut -d' ' -f1)"
  davit build --layer layer.tar --compression none -t oci:out:tar > /dev/null
  davit manifest oci:out:tar | grep -q "sha256:$(sha256sum < layer.tar | cut -d' ' -f1)"
}

@test "zstd and xz tarballs are taken too" {
  requires zstd
  requires xz
  tar -C rootfs -cf layer.tar .
  zstd -q layer.tar -o layer.tar.zst
  xz -k layer.tar
  davit build --layer layer.tar.zst --layer layer.tar.xz -t oci:out:1 > /dev/null
  davit config oci:out:1 > config
  [ "$(grep -o "sha256:$(sha256sum < layer.tar | cut -d' ' -f1)" config | wc -l)" -eq 2 ]
}

@test "a path goes to its destination with the directories above it" {
  mkdir app
  echo main > app/main
  davit build --layer app=/srv/app --layer app/main=/usr/bin/tool -t oci:out:1 > /dev/null
  first=$(davit manifest oci:out:1 | python3 -c 'import json,sys; print(json.load(sys.stdin)["layers"][0]["digest"][7:])')
  tar -tzf "out/blobs/sha256/$first" > names
  [ "$(paste -sd' ' names)" = "srv/ srv/app/ srv/app/main" ]
}

@test "image options land in the configuration" {
  davit build --rootfs rootfs -t oci:out:1 --entrypoint '["/bin/hello"]' --cmd 'a "b c"' \
    --env A=1 --env B=2 --workdir /srv --user 10:20 --expose 80 --expose 53/udp --volume /data \
    --label x=y --author me --stop-signal SIGINT --healthcheck 'test -e /ok' \
    --platform linux/arm64 --annotation k=v --created 2024-01-02T03:04:05Z > /dev/null
  davit config oci:out:1 --platform linux/arm64 > config
  python3 - <<'END'
import json
c = json.load(open("config"))
run = c["config"]
assert run["Entrypoint"] == ["/bin/hello"] and run["Cmd"] == ["a", "b c"], run
assert run["Env"] == ["A=1", "B=2"] and run["WorkingDir"] == "/srv" and run["User"] == "10:20"
assert run["ExposedPorts"] == {"80/tcp": {}, "53/udp": {}} and run["Volumes"] == {"/data": {}}
assert run["Labels"] == {"x": "y"} and run["StopSignal"] == "SIGINT"
assert run["Healthcheck"] == {"Test": ["CMD-SHELL", "test -e /ok"]}
assert c["author"] == "me" and c["architecture"] == "arm64" and c["created"] == "2024-01-02T03:04:05Z"
assert len(c["history"]) == 1
END
  davit manifest oci:out:1 | grep -q '"annotations":{"k":"v"}'
}

@test "a base layer in the same registry is mounted and not sent" {
  davit build --rootfs rootfs -t "$REGISTRY/base:1" > /dev/null
  mkdir app
  echo app > app/main
  davit build --base "$REGISTRY/base:1" --layer app=/app -t "$REGISTRY/derived:1" > /dev/null
  registry_requests | grep "/v2/derived/" > requests
  grep -q 'POST /v2/derived/blobs/uploads/?mount=' requests
  # Two uploads have a body: the new layer and the config.
  [ "$(grep -c '^PUT /v2/derived/blobs/uploads/' requests)" -eq 2 ]
  [ "$(registry_requests | grep -c 'GET /v2/base/blobs/' || true)" -eq 1 ]
}

@test "a layer that the target's tag has already is not sent again" {
  davit build --rootfs rootfs -t "$REGISTRY/again:1" > first
  registry_requests | grep "/v2/again/blobs/uploads/" > uploads
  davit build --rootfs rootfs -t "$REGISTRY/again:1" > second
  diff first second
  registry_requests | grep "/v2/again/blobs/uploads/" | diff uploads -
  davit build --no-cache --rootfs rootfs -t "$REGISTRY/again:1" > third
  diff first third
  ! registry_requests | grep "/v2/again/blobs/uploads/" | diff -q uploads - > /dev/null
}

@test "a layer of an image in another repository is mounted" {
  davit build --rootfs rootfs -t "$REGISTRY/cached:1" > /dev/null
  davit build --rootfs rootfs --label k=v --cache-from "$REGISTRY/cached:1" -t "$REGISTRY/new:1" \
    > /dev/null
  registry_requests | grep "/v2/new/" > requests
  grep -q 'POST /v2/new/blobs/uploads/?mount=' requests
  # The config alone is sent.
  [ "$(grep -c '^PUT /v2/new/blobs/uploads/' requests)" -eq 1 ]
  [ "$(grep -c '^PATCH ' requests || true)" -eq 0 ]
}

@test "a base's configuration and its unknown members survive" {
  davit build --rootfs rootfs -t oci:base:1 --env A=1 --cmd /bin/hello > /dev/null
  davit build --base oci:base:1 --label k=v -t oci:out:1 > /dev/null
  davit config oci:out:1 | python3 -c '
import json, sys
c = json.load(sys.stdin)
assert c["config"]["Env"] == ["A=1"] and c["config"]["Cmd"] == ["/bin/hello"]
assert c["config"]["Labels"] == {"k": "v"} and len(c["rootfs"]["diff_ids"]) == 1'
}

@test "an image goes to several places at once" {
  davit build --rootfs rootfs -t "$REGISTRY/many:1" -t "$REGISTRY/many:latest" -t oci:out:1 \
    -t oci-archive:out.tar:1 > landed
  [ "$(wc -l < landed)" -eq 3 ]
  [ "$(cut -d@ -f2 landed | sort -u | wc -l)" -eq 1 ]
  [ "$(davit digest "$REGISTRY/many:latest")" = "$(davit digest oci-archive:out.tar:1)" ]
}

@test "zstd layers have their type, and Docker's format refuses them" {
  davit build --rootfs rootfs --compression zstd -t oci:out:1 > /dev/null
  davit manifest oci:out:1 | grep -q 'tar+zstd'
  run --separate-stderr davit build --rootfs rootfs --compression zstd --format docker -t oci:no:1
  [ "$status" -eq 2 ]
  assert_one_error_line
  [ ! -e no ]
}

@test "a socket is skipped with a warning" {
  python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("rootfs/etc/socket")'
  run --separate-stderr davit build --rootfs rootfs -t oci:out:1
  [ "$status" -eq 0 ]
  [[ "$stderr" == *"etc/socket"* ]]
}

@test "a missing directory is exit status 3 and names it" {
  run --separate-stderr davit build --rootfs absent -t "$REGISTRY/bad:1"
  [ "$status" -eq 3 ]
  [[ "$stderr" == *absent* ]]
  assert_one_error_line
}

@test "a truncated tarball makes no image" {
  tar -C rootfs -cf layer.tar .
  head -c 5000 layer.tar > cut.tar
  gzip -k layer.tar
  head -c 500 layer.tar.gz > cut.tar.gz
  for file in cut.tar cut.tar.gz; do
    run --separate-stderr davit build --layer "$file" -t "$REGISTRY/cut:1"
    [ "$status" -eq 6 ]
    [[ "$stderr" == *"$file"* ]]
    run davit digest "$REGISTRY/cut:1"
    [ "$status" -eq 3 ]
  done
}

@test "a tarball that is none is exit status 6" {
  head -c 4096 /dev/urandom > noise.tar
  run --separate-stderr davit build --layer noise.tar -t oci:out:1
  [ "$status" -eq 6 ]
  [[ "$stderr" == *noise.tar* ]]
}

@test "a base without the platform is exit status 3 and says which there are" {
  davit build --rootfs rootfs --platform linux/arm64 -t oci:base:arm > /dev/null
  davit index create oci:base:all oci:base:arm > /dev/null
  run --separate-stderr davit build --base oci:base:all --platform linux/s390x -t oci:out:1
  [ "$status" -eq 3 ]
  [[ "$stderr" == *"linux/arm64"* ]]
}

@test "a directory in several layers is the same directory" {
  requires umoci
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  for i in 1 2 3 4 5 6; do head -c 400000 /dev/urandom > "rootfs/usr/lib/noise$i"; done
  mkdir rootfs/srv
  ln rootfs/usr/lib/noise6 rootfs/srv/noise
  davit build --rootfs rootfs --max-layer-size 1M -t oci:layout:1.0 > /dev/null
  [ "$(davit manifest oci:layout:1.0 | grep -o '"digest"' | wc -l)" -gt 4 ]
  umoci unpack --image layout:1.0 bundle > /dev/null
  list() { (cd "$1" && find . -printf '%P %y %m %U %G %l %n %Ts\n' | sort); }
  diff <(list rootfs) <(list bundle/rootfs)
  diff -r --no-dereference --exclude=fifo rootfs bundle/rootfs
}

@test "of a directory in several layers a changed file sends one layer and the config" {
  for i in 1 2 3 4 5 6; do head -c 400000 /dev/urandom > "rootfs/usr/lib/noise$i"; done
  davit build --rootfs rootfs --max-layer-size 1M -t "$REGISTRY/several:1" > /dev/null
  head -c 400000 /dev/urandom > rootfs/usr/lib/noise4
  before=$(registry_requests | grep -c '^PUT /v2/several/blobs/uploads/')
  davit build --rootfs rootfs --max-layer-size 1M -t "$REGISTRY/several:1" > /dev/null
  [ "$(registry_requests | grep -c '^PUT /v2/several/blobs/uploads/')" -eq $((before + 2)) ]
}

@test "a blob in chunks is the same blob" {
  head -c 3000000 /dev/urandom > rootfs/noise
  davit build --rootfs rootfs -t "$REGISTRY/whole:1" > whole
  davit build --rootfs rootfs --chunk-size 1M -t "$REGISTRY/chunks:1" > chunks
  [ "$(cut -d@ -f2 whole)" = "$(cut -d@ -f2 chunks)" ]
  davit copy "$REGISTRY/chunks:1" oci:copied:1 > /dev/null
  [ "$(registry_requests | grep -c '^PATCH /v2/chunks/')" -eq 3 ]
}

@test "a cut connection costs a chunk at most" {
  head -c 5000000 /dev/urandom > rootfs/noise
  start_faulty_registry --fault 'method=PATCH;after=2;kind=cut_request;bytes=500000'
  davit build --rootfs rootfs --compression none --chunk-size 1M -t "$FAULTY/cut:1" > /dev/null
  davit copy "$FAULTY/cut:1" oci:copied:1 > /dev/null
  sent=$(awk '$3 == "PATCH" { sum += $NF } END { print sum }' "$FAULTY_LOG")
  size=$(davit manifest oci:copied:1 | python3 -c 'import json, sys; print(json.load(sys.stdin)["layers"][0]["size"])')
  [ "$sent" -le $((size + 1048576)) ]
}

@test "wrong words are exit status 2" {
  for words in "build" "build --rootfs rootfs" "build -t oci:x:1" "build --nonsense" \
    "build --rootfs rootfs -t BAD/Name" "build --rootfs rootfs --compression gzip:10 -t oci:x:1" \
    "build --rootfs rootfs --platform linux -t oci:x:1" "build --rootfs rootfs --env =x -t oci:x:1" \
    "build --rootfs rootfs --chunk-size 1G -t oci:x:1" \
    "build --rootfs rootfs --max-layer-size 10 -t oci:x:1"; do
    # shellcheck disable=SC2086 # split into words on purpose
    run --separate-stderr davit $words
    [ "$status" -eq 2 ] || { echo "$words: $status $stderr" >&2; return 1; }
    assert_one_error_line
  done
  [ ! -e x ]
}

@test "a dry run says what it would do and does nothing" {
  run --separate-stderr davit build --dry-run --rootfs rootfs -t "$REGISTRY/dry:1"
  [ "$status" -eq 0 ]
  [[ "$stderr" == *"would push"* ]]
  run davit digest "$REGISTRY/dry:1"
  [ "$status" -eq 3 ]
}

@test "building twice is success and the same image" {
  davit build --rootfs rootfs -t "$REGISTRY/twice:1" > first
  davit build --rootfs rootfs -t "$REGISTRY/twice:1" > second
  diff first second
}

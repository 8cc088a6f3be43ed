#!/usr/bin/env bats
# What a person and a script see: inspect and its kin, progress, exit status, help

load common

setup_file() { start_registry; }
teardown_file() { stop_registries; }
setup() {
  isolate
  make_rootfs rootfs
  davit build -q --rootfs rootfs -t oci:local:1 --cmd /bin/hello --label "a=b" > /dev/null
}

@test "inspect shows digest, platform, configuration and layers" {
  run --separate-stderr davit inspect oci:local:1
  [ "$status" -eq 0 ]
  [[ "$output" == *"$(davit digest oci:local:1)"* ]]
  [[ "$output" == *"linux/"* ]]
  [[ "$output" == *"/bin/hello"* ]]
  [[ "$output" == *"1 in all"* ]]
}

@test "inspect --json is one object" {
  davit inspect --json oci:local:1 | python3 -c '
import json, sys
o = json.load(sys.stdin)
assert o["manifest"]["config"]["digest"] and o["config"]["config"]["Labels"] == {"a": "b"}'
}

@test "manifest and config are the bytes that their digests are of" {
  digest=$(davit digest oci:local:1)
  [ "sha256:$(davit manifest oci:local:1 | sha256sum | cut -d' ' -f1)" = "$digest" ]
  config=$(davit manifest oci:local:1 | python3 -c 'import json,sys; print(json.load(sys.stdin)["config"]["digest"])')
  [ "sha256:$(davit config oci:local:1 | sha256sum | cut -d' ' -f1)" = "$config" ]
}

@test "an index is shown by its platforms" {
  davit build -q --rootfs rootfs --platform linux/arm64/v8 -t oci:local:arm > /dev/null
  davit index create oci:local:all oci:local:1 oci:local:arm > /dev/null
  run --separate-stderr davit inspect oci:local:all
  [[ "$output" == *"linux/arm64/v8"* ]]
  run --separate-stderr davit digest --platform linux/arm64 oci:local:all
  [ "$output" = "$(davit digest oci:local:arm)" ]
}

@test "--json prints where the image landed as one object" {
  davit push --json oci:local:1 "$REGISTRY/json:1" 2> /dev/null | python3 -c '
import json, sys
o = json.load(sys.stdin)
assert o["digest"].startswith("sha256:") and o["places"][0]["tags"] == ["1"], o'
}

@test "--json prints one object, whatever the command" {
  tag=$REGISTRY/object
  davit push -q oci:local:1 "$tag:1" > /dev/null
  for words in "build -q --rootfs rootfs -t oci:built:1" "copy oci:local:1 oci:copied:1" "push oci:local:1 $tag:2" \
    "pull $tag:1 oci:pulled:1" "unpack oci:local:1 unpacked" "files oci:local:1" "files -l oci:local:1 etc" \
    "diff oci:local:1 oci:built:1" "inspect oci:local:1" "digest oci:local:1" "tags oci:local" "catalog $REGISTRY" \
    "index create oci:local:all oci:local:1" "tag oci:local:1 3" "delete --dry-run oci:local:3" "delete oci:local:3" \
    "bundle save -o some.bundle $tag:1" "bundle list some.bundle" "bundle verify some.bundle" \
    "bundle load some.bundle $REGISTRY/loaded"; do
    # shellcheck disable=SC2086 # split into words on purpose
    run --separate-stderr davit $words --json
    [ "$status" -eq 0 ] || { echo "$words: $status $stderr" >&2; return 1; }
    python3 -c 'import json, sys; assert isinstance(json.loads(sys.argv[1]), dict)' "$output" ||
      { echo "$words: $output" >&2; return 1; }
    [ "${#lines[@]}" -eq 1 ]
  done
}

@test "what others wrote moves no cursor" {
  davit build -q --rootfs rootfs --label "a=$(printf 'b\033[2J')" --history "$(printf 'c\033[2J')" \
    -t oci:escapes:1 > /dev/null
  run --separate-stderr davit inspect oci:escapes:1
  [ "$status" -eq 0 ]
  [[ "$output" == *'b\x1b[2J'*'c\x1b[2J'* && "$output$stderr" != *$'\e'* ]]
  # A media type that nobody knows, in what a person copied from elsewhere.
  sed -i 's|application/vnd.oci.image.manifest.v1+json|x\\u001b[2J|' escapes/index.json
  for command in inspect files digest unpack; do
    run --separate-stderr davit "$command" oci:escapes:1 to-nowhere
    [[ "$output$stderr" != *$'\e'* ]]
  done
}

@test "--progress json prints an object a line" {
  davit push --progress json oci:local:1 "$REGISTRY/progress:1" 2> lines > /dev/null
  python3 - <<'END'
import json
events = [json.loads(line) for line in open("lines")]
assert any(e["state"] == "done" and e["kind"] == "layer" for e in events), events
assert all(e["bytes"] >= 0 for e in events)
END
}

@test "without a terminal progress is plain lines" {
  run --separate-stderr davit push oci:local:1 "$REGISTRY/plain:1"
  [[ "$stderr" == *"layer"*"done"* ]]
  [[ "$stderr" != *$'\e'* ]]
}

@test "on a terminal progress is redrawn and ends readable" {
  requires script
  TERM=xterm script -qec "$DAVIT push oci:local:1 $REGISTRY/terminal:1" screen > /dev/null
  grep -q "layer" screen
  grep -q "3 of 3 blobs" screen
}

@test "--quiet leaves stderr empty" {
  run --separate-stderr davit push -q oci:local:1 "$REGISTRY/quiet:1"
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
}

@test "-v says each request" {
  run --separate-stderr davit digest -v "$REGISTRY/verbose:1"
  [[ "$stderr" == *"HEAD "*"/v2/verbose/manifests/1"*"404"* ]]
}

@test "catalog lists the repositories" {
  davit push -q oci:local:1 "$REGISTRY/listed:1" > /dev/null
  davit catalog "$REGISTRY" | grep -qx listed
}

@test "every command has a help text" {
  for command in build push copy index tag inspect manifest config digest tags catalog delete \
    login logout version; do
    davit "$command" --help | grep -q "Usage: davit $command"
    davit help "$command" | grep -q "Usage: davit $command"
  done
}

@test "wrong words are exit status 2 and one line" {
  for words in "bogus" "copy" "copy a" "digest" "digest a b" "inspect --platform x oci:local:1" \
    "digest UPPER" "index" "index create" "tag oci:local:1" "tag oci:local:1 b@d" "copy -j 0 a b" \
    "copy --progress loud oci:local:1 oci:x" "inspect docker-archive:" \
    "copy --platform linux/amd64 --all-platforms oci:local:1 oci:x:1" "catalog not/a/host"; do
    # shellcheck disable=SC2086 # split into words on purpose
    run --separate-stderr davit $words
    [ "$status" -eq 2 ] || { echo "$words: $status $stderr" >&2; return 1; }
    assert_one_error_line
  done
}

@test "a number that makes no sense is exit status 2, and its range is said" {
  for words in "--timeout 0" "--timeout 3000000" "--timeout 99999999999999999999" "--retries -1" \
    "--retries 5000000000" "--retries many" "--jobs 257"; do
    # shellcheck disable=SC2086 # split into words on purpose
    run --separate-stderr davit copy $words oci:local:1 oci:x:1
    [ "$status" -eq 2 ] || { echo "$words: $status $stderr" >&2; return 1; }
    [[ "$stderr" == *"${words%% *}"*"is not a number from "* ]]
    assert_one_error_line
  done
}

@test "a reader who has seen enough is no error" {
  head -c 300000 /dev/zero > rootfs/more
  davit build -q --rootfs rootfs --compression none -t oci:large:1 > /dev/null
  run --separate-stderr bash -c '"$DAVIT" export --progress none oci:large:1 | true; echo "${PIPESTATUS[0]}"'
  [ "$output" = 141 ]
  [ -z "$stderr" ]
}

@test "a full disk is an error, not silence" {
  [ -e /dev/full ] || skip "no /dev/full"
  run --separate-stderr bash -c '"$DAVIT" manifest oci:local:1 > /dev/full'
  [ "$status" -eq 1 ]
  assert_one_error_line
}

@test "Ctrl-C is exit status 130" {
  # Far more work than can be done before the signal comes.
  head -c 300000000 /dev/urandom > rootfs/large
  "$DAVIT" build --progress json --rootfs rootfs --compression zstd:19 -t oci:out:1 2> errors 3>&- &
  pid=$!
  until grep -q building errors; do sleep 0.02; done
  kill -INT "$pid"
  status=0
  wait "$pid" || status=$?
  [ "$status" -eq 130 ]
  run davit digest oci:out:1
  [ "$status" -eq 3 ]
}

@test "the version is printed" {
  run davit version
  [[ "$output" == "davit "* ]]
  [ "$(davit --version)" = "$output" ]
}

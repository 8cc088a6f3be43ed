#!/usr/bin/env bats
# davit login, logout, certificates: docker-registry with htpasswd and TLS from a test CA

load common

setup_file() {
  requires htpasswd
  requires openssl
  cd "$BATS_FILE_TMPDIR" || return 1
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
    -keyout ca.key -out ca.pem -subj "/CN=test authority" 2> /dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -keyout server.key -out server.csr -subj "/CN=localhost" 2> /dev/null
  openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -days 2 -out server.pem \
    -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") 2> /dev/null
  htpasswd -Bbn tester "correct horse" > htpasswd
  start_registry secured "  tls:
    certificate: $BATS_FILE_TMPDIR/server.pem
    key: $BATS_FILE_TMPDIR/server.key
auth:
  htpasswd:
    realm: test
    path: $BATS_FILE_TMPDIR/htpasswd"
  export CA=$BATS_FILE_TMPDIR/ca.pem
}
teardown_file() { stop_registries; }
setup() {
  isolate
  make_rootfs rootfs
}

log_in() { echo "correct horse" | davit login "$REGISTRY" --ca-file "$CA" -u tester --password-stdin; }

@test "after a login images are pushed and read" {
  log_in
  run --separate-stderr davit build --rootfs rootfs --ca-file "$CA" -t "$REGISTRY/app:1"
  [ "$status" -eq 0 ]
  [ "$(davit digest --ca-file "$CA" "$REGISTRY/app:1")" = "${output#*@}" ]
}

@test "without a login it is exit status 4 and a hint how to log in" {
  run --separate-stderr davit digest --ca-file "$CA" "$REGISTRY/app:1"
  [ "$status" -eq 4 ]
  [[ "$stderr" == *"hint: "*"davit login $REGISTRY"* ]]
  assert_one_error_line
}

@test "without the authority's file it is an error about the certificate and a hint" {
  run --separate-stderr davit digest "$REGISTRY/app:1"
  [ "$status" -ne 0 ]
  [[ "$stderr" == *"certificate"* ]]
  [[ "$stderr" == *"--ca-file"* ]]
  assert_one_error_line
}

@test "--insecure takes any certificate" {
  log_in
  davit build -q --rootfs rootfs --insecure -t "$REGISTRY/app:2" > /dev/null
}

@test "a wrong password is exit status 4 and nothing is kept" {
  run --separate-stderr bash -c 'echo wrong | "$DAVIT" login "$REGISTRY" --ca-file "$CA" -u tester --password-stdin'
  [ "$status" -eq 4 ]
  assert_one_error_line
  [ ! -e "$HOME/.docker/config.json" ]
}

@test "a login is kept in docker's file, readable by its owner alone" {
  log_in
  [ "$(stat -c %a "$HOME/.docker/config.json")" = 600 ]
  python3 - <<'END'
import base64, json, os
auths = json.load(open(os.environ["HOME"] + "/.docker/config.json"))["auths"]
assert base64.b64decode(auths[os.environ["REGISTRY"]]["auth"]) == b"tester:correct horse"
END
}

@test "skopeo's login serves davit, and davit's skopeo" {
  requires skopeo
  export REGISTRY_AUTH_FILE=$PWD/auth.json
  echo "correct horse" | skopeo login --tls-verify=false -u tester --password-stdin "$REGISTRY"
  davit build -q --rootfs rootfs --ca-file "$CA" -t "$REGISTRY/app:3" > /dev/null
  skopeo logout "$REGISTRY"
  log_in
  skopeo inspect --tls-verify=false "docker://$REGISTRY/app:3" > /dev/null
}

@test "after a logout it is as before" {
  log_in
  davit logout "$REGISTRY"
  run davit digest --ca-file "$CA" "$REGISTRY/app:1"
  [ "$status" -eq 4 ]
  davit logout "$REGISTRY"
}

@test "no password appears in the most verbose output" {
  log_in
  run --separate-stderr davit digest -vv --ca-file "$CA" "$REGISTRY/app:1"
  [[ "$stderr" != *"correct horse"* ]]
  [[ "$stderr" != *"$(printf 'tester:correct horse' | base64)"* ]]
}

@test "a login without a user or a terminal is exit status 2" {
  run --separate-stderr davit login "$REGISTRY" < /dev/null
  [ "$status" -eq 2 ]
  run --separate-stderr davit login "$REGISTRY" -u tester < /dev/null
  [ "$status" -eq 2 ]
  assert_one_error_line
}

@test "a file that an option names and that is missing is exit status 3, before anything is sent" {
  touch there.pem
  # Nothing answers at this port: whoever connects would have another status.
  for options in "--ca-file absent" "--cert-file absent --key-file there.pem" \
    "--cert-file there.pem --key-file absent"; do
    # shellcheck disable=SC2086 # split into words on purpose
    run --separate-stderr davit digest $options localhost:1/app:1
    [ "$status" -eq 3 ] || { echo "$options: $status $stderr" >&2; return 1; }
    [[ "$stderr" == *absent* ]]
    assert_one_error_line
  done
  run --separate-stderr davit push --create --ecr-settings absent oci:absent localhost:1/app:1
  [ "$status" -eq 3 ]
  run --separate-stderr davit ecr scan findings --ignore-file absent --region eu-west-1 app:1
  [ "$status" -eq 3 ]
  [[ "$stderr" == *absent* ]]
}

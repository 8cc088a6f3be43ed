#!/usr/bin/env bats
# Amazon ECR, against its double: under ECR's own names, by --resolve and a CA of the test.

load common

ACCOUNT=123456789012
NAME=$ACCOUNT.dkr.ecr.eu-west-1.amazonaws.com
STORAGE=prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com
API=api.ecr.eu-west-1.amazonaws.com
STS=sts.eu-west-1.amazonaws.com

setup_file() {
  cd "$BATS_FILE_TMPDIR"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test-ca \
    -keyout ca.key -out ca.pem 2> /dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=double \
    -keyout server.key -out server.csr 2> /dev/null
  openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -days 2 -out server.pem 2> /dev/null \
    -extfile <(echo "subjectAltName=DNS:$NAME,DNS:$STORAGE,DNS:$API,DNS:$STS,DNS:localhost,IP:127.0.0.1")
}

setup() {
  isolate
  make_rootfs rootfs
  unset "${!AWS_@}"
  export AWS_ACCESS_KEY_ID=AKIADOUBLE AWS_SECRET_ACCESS_KEY=double-secret-key
  export AWS_EC2_METADATA_DISABLED=true XDG_CACHE_HOME=$PWD/cache
  CA=$BATS_FILE_TMPDIR/ca.pem
}

teardown() { stop_registries; }

# start_double [OPTION]...: it serves until its standard input closes, at the end of the test.
start_double() {
  export LOG=$PWD/double.log
  : > "$LOG"
  coproc DOUBLE { python3 "$BATS_TEST_DIRNAME/../support/ecr_double.py" --log "$LOG" \
    --cert "$BATS_FILE_TMPDIR/server.pem" --key "$BATS_FILE_TMPDIR/server.key" "$@" 3>&-; }
  read -r ECR_PORT KEYS_PORT <&"${DOUBLE[0]}"
  HOST=$NAME:$ECR_PORT
  export AWS_ENDPOINT_URL_ECR=https://$API:$ECR_PORT AWS_ENDPOINT_URL_STS=https://$STS:$ECR_PORT
}

# Another double on the same port, which has nothing of the first.
restart_double() {
  local input=${DOUBLE[1]} pid=$DOUBLE_PID
  exec {input}>&-
  wait "$pid" || true
  start_double --port "$ECR_PORT"
}

# davit with the names resolved and the CA known.
ecr() {
  davit "$@" --ca-file "$CA" --resolve "$NAME:$ECR_PORT:127.0.0.1" --resolve "$STORAGE:$ECR_PORT:127.0.0.1" \
    --resolve "$API:$ECR_PORT:127.0.0.1" --resolve "$STS:$ECR_PORT:127.0.0.1"
}

calls() { grep -c "^$1" "$LOG" || true; }

# put_index TAG DIGEST: an index in app that lists the image as an attestation.
put_index() {
  mkdir -p attested/blobs/sha256
  ecr copy "$HOST/app@$2" oci:attested:image > /dev/null
  python3 - "$2" <<'END'
import hashlib, json, sys
digest = sys.argv[1]
unknown = {"os": "unknown", "architecture": "unknown"}
size = len(open("attested/blobs/sha256/" + digest[7:], "rb").read())
child = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": size, "platform": unknown,
         "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [child]}
text = json.dumps(index).encode()
name = hashlib.sha256(text).hexdigest()
open("attested/blobs/sha256/" + name, "wb").write(text)
entry = {"mediaType": index["mediaType"], "digest": "sha256:" + name, "size": len(text),
         "annotations": {"org.opencontainers.image.ref.name": "attested"}}
json.dump({"schemaVersion": 2, "manifests": [entry]}, open("attested/index.json", "w"))
END
  ecr copy oci:attested:attested "$HOST/app:$1" > /dev/null
}

lifecycle() {
  cat <<'END'
{"rules": [{"rulePriority": 1, "description": "keep one", "selection": {"tagStatus": "any",
  "countType": "imageCountMoreThan", "countNumber": 1}, "action": {"type": "expire"}}]}
END
}

@test "an image goes to ECR without a login, into a repository that is made" {
  start_double
  run --separate-stderr ecr build --rootfs rootfs -t "$HOST/team/app:1.0" --create
  [ "$status" -eq 0 ] || { echo "$stderr" >&2; return 1; }
  [[ "$output" == "$HOST/team/app@sha256:"* ]]
  ecr copy "$HOST/team/app:1.0" oci:copied:1.0 > /dev/null
  [ "$(davit digest oci:copied:1.0)" = "${output#*@}" ]
  [ "$(calls 'api GetAuthorizationToken')" -eq 1 ]
}

@test "a base image is mirrored into a new repository by one command" {
  start_double
  start_registry
  davit build --rootfs rootfs -t "$REGISTRY/library/python:3.10-slim" > /dev/null
  ecr copy --create "$REGISTRY/library/python:3.10-slim" "$HOST/base/python:3.10-slim" > copied
  [ "$(cut -d@ -f1 copied)" = "$HOST/base/python" ]
  ecr ecr tags "$HOST/base/python" | grep -q '^3.10-slim '
}

@test "one push sets the tag of a commit and latest" {
  start_double
  ecr build --rootfs rootfs -t "$HOST/app:0f3a9c1" -t "$HOST/app:latest" --create > /dev/null
  [ "$(ecr digest "$HOST/app:0f3a9c1")" = "$(ecr digest "$HOST/app:latest")" ]
}

@test "pushing the same image to an immutable tag twice is success, another is exit status 7" {
  start_double
  ecr ecr create "$HOST/app" --mutability IMMUTABLE > /dev/null
  ecr build --rootfs rootfs -t "$HOST/app:1" > first
  ecr build --rootfs rootfs -t "$HOST/app:1" > second
  diff first second
  echo changed > rootfs/etc/hostname
  run --separate-stderr ecr build --rootfs rootfs -t "$HOST/app:1"
  [ "$status" -eq 7 ]
  [[ "$stderr" == *immutable* ]]
  [[ "$stderr" == *hint:* ]]
  [ "$(ecr digest "$HOST/app:1")" = "$(cut -d@ -f2 first)" ]
}

@test "a repository that is missing is exit status 3 and says how to make it" {
  start_double
  run --separate-stderr ecr build --rootfs rootfs -t "$HOST/absent:1"
  [ "$status" -eq 3 ]
  [[ "$stderr" == *"--create"* ]]
  assert_one_error_line
}

@test "a large blob goes in chunks that ECR takes" {
  start_double
  head -c 23000000 /dev/urandom > rootfs/noise
  ecr build --rootfs rootfs -t "$HOST/app:1" --create > built
  ecr copy "$HOST/app:1" oci:copied:1 > /dev/null
  [ "$(davit digest oci:copied:1)" = "$(cut -d@ -f2 built)" ]
  [ "$(calls 'v2 PATCH')" -eq 3 ]
}

@test "which blobs are there is asked in one call, and by itself where that is denied" {
  for i in 1 2 3; do head -c 1000000 /dev/urandom > "rootfs/noise$i"; done
  davit build --rootfs rootfs --max-layer-size 1M -t oci:source:1 > /dev/null
  start_double
  ecr push oci:source:1 "$HOST/app:1" --create > /dev/null
  [ "$(calls 'api BatchCheckLayerAvailability')" -eq 1 ]
  [ "$(calls 'v2 HEAD /v2/app/blobs/')" -eq 0 ]
  start_double --deny BatchCheckLayerAvailability
  ecr push oci:source:1 "$HOST/app:1" --create > /dev/null
  [ "$(calls 'v2 HEAD /v2/app/blobs/')" -ge 4 ]
}

@test "a layer of another repository is mounted where the account allows it" {
  start_double --mount
  ecr build --rootfs rootfs -t "$HOST/one:1" --create > /dev/null
  ecr copy "$HOST/one:1" "$HOST/two:1" --create > /dev/null
  [ "$(calls 'v2 mounted')" -ge 1 ]
}

@test "a tag becomes another without moving layers" {
  start_double
  ecr build --rootfs rootfs -t "$HOST/app:1" --create > built
  ecr tag "$HOST/app:1" 2 3 > /dev/null
  ecr tags "$HOST/app" | sort | tr '\n' ' ' | grep -q '^1 2 3 $'
}

@test "all pages of tags are read" {
  start_double
  ecr build --rootfs rootfs -t "$HOST/app:1" --create > /dev/null
  ecr tag "$HOST/app:1" 2 3 4 5 6 7 8 > /dev/null
  [ "$(ecr tags "$HOST/app" | wc -l)" -eq 8 ]
  [ "$(ecr ecr tags "$HOST/app" | wc -l)" -eq 9 ]
}

@test "fifty processes make one call for a token" {
  start_double --token-delay 0.3
  ecr ecr create "$HOST/app" > /dev/null
  for i in $(seq 50); do ecr ecr get-login-password "$HOST" > "password$i" & pids[i]=$!; done
  for pid in "${pids[@]}"; do wait "$pid"; done
  [ "$(calls 'api GetAuthorizationToken')" -eq 1 ]
  [ "$(cat password* | sort -u | wc -l)" -eq 1 ]
  [ "$(stat -c %a cache/davit/ecr/*.json)" = 600 ]
}

@test "a copy outlives its token" {
  # Ten requests of a quarter of a second, and a token for two seconds.
  start_double --token-life 2 --delay 0.25
  for i in 1 2 3 4; do head -c 900000 /dev/urandom > "rootfs/noise$i"; done
  davit build --rootfs rootfs --max-layer-size 1M -t oci:source:1 > built
  ecr ecr create "$HOST/app" > /dev/null
  ecr push -j 1 oci:source:1 "$HOST/app:1" > /dev/null
  [ "$(calls 'api GetAuthorizationToken')" -ge 2 ]
  ecr copy "$HOST/app:1" oci:copied:1 > /dev/null
  [ "$(davit digest oci:copied:1)" = "$(cut -d@ -f2 built)" ]
}

@test "a token that is refused is replaced at once" {
  start_double
  davit build --rootfs rootfs -t oci:source:1 > /dev/null
  ecr push --create oci:source:1 "$HOST/app:1" > /dev/null
  # Another service under the same name knows nothing of the token that is kept.
  restart_double
  ecr ecr create "$HOST/app" > /dev/null
  [ "$(calls 'api GetAuthorizationToken')" -eq 0 ]
  ecr push oci:source:1 "$HOST/app:1" > /dev/null
  [ "$(ecr tags "$HOST/app")" = 1 ]
  [ "$(calls 'api GetAuthorizationToken')" -eq 1 ]
  restart_double
  ecr ecr create "$HOST/app" > /dev/null
  [ -z "$(ecr tags "$HOST/app")" ]
}

@test "the token of another role that the same program gives keys for is never used" {
  start_double
  ecr ecr create "$HOST/app" > /dev/null
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
  mkdir -p "$HOME/.aws"
  cat > keys.sh <<'END'
#!/bin/sh
if [ "$VAULT_ROLE" = one ]; then id=AKIADOUBLE secret=double-secret-key token=; else id=ASIAROLE secret=role-secret-key token=role-session-token; fi
echo "{\"Version\":1,\"AccessKeyId\":\"$id\",\"SecretAccessKey\":\"$secret\",\"SessionToken\":\"$token\"}"
END
  chmod +x keys.sh
  printf '[default]\ncredential_process=%s/keys.sh\n' "$PWD" > "$HOME/.aws/config"
  for role in one two one two; do VAULT_ROLE=$role ecr ecr get-login-password "$HOST" > "$role"; done
  ! diff -q one two > /dev/null
  [ "$(calls 'api GetAuthorizationToken')" -eq 2 ]
}

@test "docker login takes the password" {
  start_double
  password=$(ecr ecr get-login-password "$HOST")
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
  ecr login "$HOST" -u AWS --password-stdin <<< "$password"
  ecr catalog "$HOST" > /dev/null 2> error || true
  ! grep -q credentials error
}

@test "a password that has expired in docker's configuration is not used" {
  start_double
  mkdir -p "$HOME/.docker"
  old=$(printf '{"expiration":1}' | base64 -w0)
  printf '{"auths":{"%s":{"auth":"%s"}}}' "$HOST" "$(printf 'AWS:%s' "$old" | base64 -w0)" > "$HOME/.docker/config.json"
  ecr build --rootfs rootfs -t "$HOST/app:1" --create > /dev/null
}

@test "the program is docker's credential helper under another name" {
  start_double
  ln -s "$DAVIT" docker-credential-davit
  export AWS_ENDPOINT_URL_ECR=https://localhost:$ECR_PORT AWS_CA_BUNDLE=$CA
  echo "https://$NAME" | ./docker-credential-davit get > answer
  grep -q '"Username":"AWS"' answer
  run ./docker-credential-davit get <<< "https://index.docker.io/v1/"
  [ "$status" -eq 1 ]
  [ "$output" = "credentials not found in native keychain" ]
  run ./docker-credential-davit store <<< "{\"ServerURL\":\"$NAME\",\"Username\":\"AWS\",\"Secret\":\"z\"}"
  [ "$status" -eq 0 ]
  # What is not kept must not seem to be.
  run ./docker-credential-davit store <<< '{"ServerURL":"localhost:5000","Username":"y","Secret":"s3cr3t"}'
  [ "$status" -eq 1 ]
  [[ "$output" == *"localhost:5000 cannot be kept"* && "$output" != *s3cr3t* ]]
  unset AWS_ACCESS_KEY_ID
  rm -r cache
  run ./docker-credential-davit get <<< "$NAME"
  [ "$status" -eq 1 ]
  [[ "$output" == *"no AWS credentials were found"* ]]
}

@test "without keys it says what was looked at, in order" {
  start_double
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
  run --separate-stderr ecr ecr repos "$HOST"
  [ "$status" -eq 4 ]
  [[ "$stderr" == *"AWS_ACCESS_KEY_ID is not set"*".aws/credentials"*"AWS_CONTAINER_CREDENTIALS"*"AWS_EC2_METADATA_DISABLED"* ]]
  assert_one_error_line
}

@test "an expired SSO session names the command to run" {
  start_double
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
  mkdir -p "$HOME/.aws"
  printf '[profile dev]\nsso_start_url=https://x\nsso_region=eu-west-1\nsso_account_id=1\nsso_role_name=R\n' > "$HOME/.aws/config"
  run --separate-stderr ecr ecr repos "$HOST" --profile dev
  [ "$status" -eq 4 ]
  [[ "$stderr" == *"hint: aws sso login --profile dev"* ]]
}

@test "a denial names the action and the resource" {
  start_double --deny CreateRepository
  run --separate-stderr ecr ecr create "$HOST/team/app"
  [ "$status" -eq 4 ]
  [[ "$stderr" == *"ecr:CreateRepository"*"repository/team/app"* ]]
}

@test "a clock that is off is corrected" {
  start_double --skew 1800
  ecr ecr create "$HOST/app" > /dev/null
  [ "$(ecr ecr repos "$HOST" | grep -c '^app ')" -eq 1 ]
}

@test "keys come from a role, a web identity, a container, an instance and SSO" {
  start_double
  mkdir -p "$HOME/.aws"
  printf '[profile role]\nrole_arn=arn:aws:iam::1:role/ci\ncredential_source=Environment\nregion=eu-west-1\n' > "$HOME/.aws/config"
  ecr ecr repos "$HOST" --profile role > /dev/null
  [ "$(calls 'sts AssumeRole')" -eq 1 ]
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
  echo token > token
  AWS_REGION=eu-west-1 AWS_ROLE_ARN=arn:aws:iam::1:role/web AWS_WEB_IDENTITY_TOKEN_FILE=token ecr ecr repos "$HOST" > /dev/null
  [ "$(calls 'sts AssumeRoleWithWebIdentity')" -eq 1 ]
  AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:$KEYS_PORT/container \
    AWS_CONTAINER_AUTHORIZATION_TOKEN=container-token ecr ecr repos "$HOST" > /dev/null
  [ "$(calls 'keys GET /container')" -eq 1 ]
  AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:$KEYS_PORT \
    ecr ecr repos "$HOST" > /dev/null
  [ "$(calls 'keys PUT /latest/api/token')" -eq 1 ]
  printf '[profile sso]\nsso_start_url=https://x\nsso_region=eu-west-1\nsso_account_id=1\nsso_role_name=R\n' > "$HOME/.aws/config"
  mkdir -p "$HOME/.aws/sso/cache"
  printf '{"accessToken":"sso-token","expiresAt":"2099-01-01T00:00:00Z"}' \
    > "$HOME/.aws/sso/cache/$(printf https://x | sha1sum | cut -d' ' -f1).json"
  AWS_ENDPOINT_URL_SSO=http://127.0.0.1:$KEYS_PORT ecr ecr repos "$HOST" --profile sso > /dev/null
  [ "$(calls 'keys GET /federation/credentials')" -eq 1 ]
}

@test "a repository is made with its settings, and making it twice is success" {
  start_double
  lifecycle > keep.json
  cat > settings.yaml <<'END'
mutability: IMMUTABLE_WITH_EXCLUSION
exclude: ["dev-*"]
scan_on_push: true
encryption: KMS
lifecycle: keep.json
tags: {team: core}
END
  ecr ecr create "$HOST/team/app" --ecr-settings settings.yaml > made
  [ "$(cat made)" = "$HOST/team/app" ]
  ecr ecr describe "$HOST/team/app" > described
  grep -q 'IMMUTABLE_WITH_EXCLUSION (dev-\*)' described
  grep -q '^Encryption *KMS' described
  ecr ecr lifecycle get "$HOST/team/app" | grep -q imageCountMoreThan
  ecr ecr create "$HOST/team/app" > again
  diff made again
}

@test "what making a repository could not finish is finished by the next run" {
  start_double --fail-once PutLifecyclePolicy --lose CreateRepository
  lifecycle > keep.json
  echo 'lifecycle: keep.json' > settings.yaml
  run --separate-stderr ecr ecr create "$HOST/team/app" --ecr-settings settings.yaml
  [ "$status" -eq 1 ]
  run ecr ecr lifecycle get "$HOST/team/app"
  [ "$status" -eq 3 ]
  davit build --rootfs rootfs -t oci:source:1 > /dev/null
  ecr push --dry-run --create --ecr-settings settings.yaml oci:source:1 "$HOST/team/app:1" 2>&1 \
    | grep -q 'would set the lifecycle policy of'
  ecr push --create --ecr-settings settings.yaml oci:source:1 "$HOST/team/app:1" > /dev/null
  ecr ecr lifecycle get "$HOST/team/app" | diff - keep.json
}

@test "a repository that is not as asked for is named" {
  start_double
  ecr ecr create "$HOST/app" --mutability IMMUTABLE > /dev/null
  run --separate-stderr ecr ecr create "$HOST/app" --mutability MUTABLE
  [ "$status" -eq 0 ]
  [[ "$stderr" == *"mutability: IMMUTABLE -> MUTABLE; davit ecr apply changes it"* ]]
}

@test "a file's repositories are brought to its state, and a second run changes nothing" {
  start_double
  lifecycle > keep.json
  cat > repositories.yaml <<END
registry: $HOST
defaults: {mutability: IMMUTABLE, tags: {team: core}}
repositories:
  - {name: team/one, lifecycle: keep.json}
  - {name: team/two, scan_on_push: true}
END
  ecr ecr apply repositories.yaml --dry-run | grep -q 'team/one: would change: is made'
  [ -z "$(ecr ecr repos "$HOST" | grep team/one)" ]
  ecr ecr apply - < repositories.yaml > /dev/null
  [ -z "$(ecr ecr apply repositories.yaml)" ]
  sed -i 's/IMMUTABLE/MUTABLE/; s/core/infra/' repositories.yaml
  ecr ecr apply repositories.yaml > changes
  grep -q 'team/two: mutability: IMMUTABLE -> MUTABLE' changes
  grep -q 'team/two: tag team: core -> infra' changes
  [ -z "$(ecr ecr apply repositories.yaml)" ]
}

@test "a lifecycle policy is tried, set, read and deleted" {
  start_double
  ecr build --rootfs rootfs -t "$HOST/app:old" --create > old
  echo new > rootfs/etc/hostname
  sleep 0.05
  ecr build --rootfs rootfs -t "$HOST/app:new" > /dev/null
  lifecycle > keep.json
  ecr ecr lifecycle preview "$HOST/app" keep.json > preview 2> /dev/null
  [ "$(grep -c EXPIRE preview)" -eq 1 ]
  grep -q "$(cut -d@ -f2 old)" preview
  ecr ecr lifecycle put "$HOST/app" keep.json
  ecr ecr lifecycle get "$HOST/app" | diff - keep.json
  ecr ecr lifecycle delete "$HOST/app"
  run --separate-stderr ecr ecr lifecycle get "$HOST/app"
  [ "$status" -eq 3 ]
}

@test "an invalid lifecycle policy is refused before anything is sent, with the rule and the reason" {
  start_double
  lifecycle | sed 's/"expire"/"archive"/' > bad.json
  run --separate-stderr ecr ecr lifecycle put "$HOST/app" bad.json
  [ "$status" -eq 2 ]
  [[ "$stderr" == *"bad.json: the rule with rulePriority 1: action type is expire or transition"* ]]
  [ "$(calls api)" -eq 0 ]
}

@test "a repository policy is set and read" {
  start_double
  ecr ecr create "$HOST/app" > /dev/null
  echo '{"Version":"2012-10-17","Statement":[]}' > policy.json
  ecr ecr policy set "$HOST/app" policy.json
  ecr ecr policy get "$HOST/app" | diff - policy.json
}

@test "the scan gate waits for findings and refuses with exit status 7" {
  start_double
  ecr build --rootfs rootfs -t "$HOST/app:1" --create > /dev/null
  ecr ecr scan start "$HOST/app:1"
  run --separate-stderr ecr ecr scan wait "$HOST/app:1" --fail-on critical
  [ "$status" -eq 7 ]
  [[ "$output" == *CVE-2026-1* ]]
  ecr ecr scan findings "$HOST/app:1" --fail-on critical --ignore CVE-2026-1 > /dev/null
  run ecr ecr scan findings "$HOST/app:1" --fail-on high --ignore CVE-2026-1
  [ "$status" -eq 7 ]
  ecr ecr scan start "$HOST/app:1"
}

@test "the scan gate is closed where nothing was scanned" {
  start_double
  ecr build --rootfs rootfs --platform unknown/unknown -t "$HOST/app:1" --create > image
  ecr index create "$HOST/app:all" "$HOST/app:1" > /dev/null
  run --separate-stderr ecr ecr scan wait "$HOST/app:all" --fail-on low --wait 1
  [ "$status" -eq 5 ]
  ecr ecr scan start "$HOST/app:all"
  # The scan goes on: what is found so far is not all.
  run --separate-stderr ecr ecr scan findings "$HOST/app:all" --fail-on low --ignore CVE-2026-1
  [ "$status" -eq 7 ]
  [[ "$stderr" == *"not scanned to the end: IN_PROGRESS"* ]]
  run --separate-stderr ecr ecr scan wait "$HOST/app:all" --fail-on low
  [ "$status" -eq 7 ]
  # An index of attestations alone.
  put_index attested "$(cut -d@ -f2 image)"
  run --separate-stderr ecr ecr scan wait "$HOST/app:attested" --fail-on low --json
  [ "$status" -eq 7 ]
  [[ "$stderr" == *"not scanned: $(cut -d@ -f2 image), an attestation"*"no image of it was scanned"* ]]
  python3 -c 'import json, sys; assert len(json.loads(sys.argv[1])["notScanned"]) == 1' "$output"
  run --separate-stderr ecr ecr scan start "$HOST/app:attested"
  [ "$status" -eq 7 ]
}

@test "images are listed, deleted, and cleaned with what needs them kept" {
  start_double
  ecr build --rootfs rootfs --platform linux/amd64 -t "$HOST/app:amd64" --create > /dev/null
  ecr build --rootfs rootfs --platform linux/arm64 -t "$HOST/app:arm64" > /dev/null
  ecr index create "$HOST/app:all" "$HOST/app:amd64" "$HOST/app:arm64" > /dev/null
  for tag in amd64 arm64; do ecr ecr delete "$HOST/app:$tag" > /dev/null 2>&1 || true; done
  echo lonely > rootfs/etc/hostname
  ecr build --rootfs rootfs -t "$HOST/app:lonely" > lonely
  ecr build --rootfs rootfs --env A=B -t "$HOST/app:lonely" > /dev/null
  ecr ecr clean "$HOST/app" > dry 2> /dev/null
  grep -q "$(cut -d@ -f2 lonely | cut -c1-19)" dry
  ecr ecr clean "$HOST/app" --yes > gone 2> /dev/null
  [ "$(wc -l < gone)" -eq 1 ]
  ecr copy "$HOST/app:all" oci:copied:all > /dev/null
  ecr ecr images "$HOST/app" --json | python3 -c 'import json, sys; assert len(json.load(sys.stdin)["images"]) == 4'
  run --separate-stderr ecr ecr delete "$HOST/app@$(ecr digest --platform linux/amd64 "$HOST/app:all")"
  [ "$status" -eq 1 ]
  [[ "$stderr" == *ImageReferencedByManifestList* ]]
}

@test "cleaning never removes what has a tag, nor what is to be kept, though an old index lists it" {
  start_double
  ecr build --rootfs rootfs --platform linux/amd64 -t "$HOST/app:amd64" --create > /dev/null
  ecr build --rootfs rootfs --platform linux/arm64 -t "$HOST/app:arm64" > /dev/null
  ecr index create "$HOST/app:all" "$HOST/app:amd64" "$HOST/app:arm64" > /dev/null
  ecr index create "$HOST/app:all" "$HOST/app:arm64" > /dev/null
  ecr ecr clean "$HOST/app" --tagged --keep amd64 > dry 2> said
  ! grep -q amd64 dry
  grep -q '^would delete 3 of 4 images' said
  ecr ecr clean "$HOST/app" --keep amd64 --yes > gone 2> /dev/null
  [ "$(wc -l < gone)" -eq 1 ]
  [ "$(ecr tags "$HOST/app" | sort | tr '\n' ' ')" = "all amd64 arm64 " ]
  ecr ecr clean "$HOST/app" --tagged --keep amd64 --yes > /dev/null 2>&1
  [ "$(ecr tags "$HOST/app")" = amd64 ]
}

@test "an image that cannot be read is kept, counted, and a warning" {
  start_double --schema-1
  ecr build --rootfs rootfs -t "$HOST/app:1" --create > /dev/null
  run --separate-stderr ecr ecr clean "$HOST/app" --yes
  [ "$status" -eq 0 ]
  [[ "$stderr" == *"warning: app@sha256:"*"deleted 0 of 2 images"* ]]
  run --separate-stderr ecr ecr du "$HOST/app" --json
  [ "$status" -eq 0 ]
  [[ "$stderr" == *"warning: app@sha256:"* ]]
  python3 -c 'import json, sys; u = json.loads(sys.argv[1])["repositories"][0]; assert u["images"] == 2 and u["distinct"] > 0, u' "$output"
}

@test "davit delete works on ECR, too" {
  start_double
  ecr build --rootfs rootfs -t "$HOST/app:1" -t "$HOST/app:2" --create > built
  ecr delete "$HOST/app:1" > /dev/null
  run ecr digest "$HOST/app:1"
  [ "$status" -eq 3 ]
  ecr delete "$(cat built)" > /dev/null
  run ecr digest "$HOST/app:2"
  [ "$status" -eq 3 ]
  run ecr delete "$HOST/app:3"
  [ "$status" -eq 3 ]
}

@test "what a repository takes counts a shared layer once" {
  start_double
  ecr build --rootfs rootfs -t "$HOST/app:1" --create > /dev/null
  ecr build --rootfs rootfs --env A=B -t "$HOST/app:2" > /dev/null
  ecr ecr du "$HOST" --json > usage
  python3 -c 'import json; u = json.load(open("usage"))["repositories"][0]; assert u["images"] == 2 and u["distinct"] < u["size"], u'
}

@test "a repository with images is deleted only by force" {
  start_double
  ecr build --rootfs rootfs -t "$HOST/app:1" --create > /dev/null
  run --separate-stderr ecr ecr delete --repository "$HOST/app"
  [ "$status" -eq 7 ]
  ecr ecr delete --repository --force "$HOST/app"
}

@test "the next system's files name the image by its digest" {
  start_double
  image=$(ecr build --rootfs rootfs -t "$HOST/app:1" --create)
  echo '{"region": "eu-west-1"}' > app.auto.tfvars.json
  export GITHUB_OUTPUT=$PWD/github
  ecr ecr deploy-files "$HOST/app:1" --ecs imagedefinitions.json --container web --beanstalk Dockerrun.aws.json \
    --port 8080 --terraform app.auto.tfvars.json --github > /dev/null
  python3 - "$image" <<'END'
import json, sys
image = sys.argv[1]
assert json.load(open("imagedefinitions.json")) == [{"name": "web", "imageUri": image}]
run = json.load(open("Dockerrun.aws.json"))
assert run["Image"]["Name"] == image and run["Ports"] == [{"ContainerPort": 8080}]
assert json.load(open("app.auto.tfvars.json")) == {"region": "eu-west-1", "image": image}
assert open("github").read() == f"image={image}\ndigest={image.split('@')[1]}\n"
END
  # What else stands in a file stays, and a bare name is a repository of ECR.
  echo '[{"name": "log", "imageUri": "other"}]' > imagedefinitions.json
  ecr ecr deploy-files app:1 --region eu-west-1 --ecs imagedefinitions.json --container web > /dev/null
  python3 -c 'import json, sys; assert json.load(open("imagedefinitions.json")) == [
    {"name": "log", "imageUri": "other"}, {"name": "web", "imageUri": sys.argv[1]}]' "$image"
  [ "$(ecr ecr deploy-files "$HOST/app:1" --terraform - | python3 -c 'import json, sys; print(json.load(sys.stdin)["image"])')" = "$image" ]
  echo 'not json' > other.json
  run --separate-stderr ecr ecr deploy-files "$HOST/app:1" --ecs other.json
  [ "$status" -eq 6 ]
  [ "$(cat other.json)" = 'not json' ]
  rm other.json
  run --separate-stderr ecr ecr deploy-files "$HOST/app:absent" --ecs other.json
  [ "$status" -eq 3 ]
  [ ! -e other.json ]
}

@test "the aws command line agrees on the same data" {
  requires aws
  start_double
  export AWS_DEFAULT_REGION=eu-west-1 AWS_CA_BUNDLE=$CA
  aws() { command aws --endpoint-url "https://localhost:$ECR_PORT" "$@"; }
  aws ecr create-repository --repository-name team/app --image-tag-mutability IMMUTABLE > /dev/null
  ecr ecr describe "$HOST/team/app" | grep -q '^Tags *IMMUTABLE'
  ecr build --rootfs rootfs -t "$HOST/team/app:1" > built
  [ "$(aws ecr describe-images --repository-name team/app --query 'imageDetails[0].imageDigest' --output text)" = "$(cut -d@ -f2 built)" ]
  [ "$(aws ecr describe-images --repository-name team/app --query 'imageDetails[0].imageSizeInBytes' --output text)" = \
    "$(ecr ecr images "$HOST/team/app" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["images"][0]["size"])')" ]
  lifecycle > keep.json
  aws ecr put-lifecycle-policy --repository-name team/app --lifecycle-policy-text file://keep.json > /dev/null
  ecr ecr lifecycle get "$HOST/team/app" | diff - keep.json
  aws ecr get-login-password > password
  python3 -c 'import base64, json; assert json.loads(base64.b64decode(open("password").read()))["type"] == "DATA_KEY"'
}

@test "no command shows a secret, however verbose" {
  start_double
  export AWS_SESSION_TOKEN=
  lifecycle > keep.json
  {
    ecr build --rootfs rootfs -t "$HOST/app:1" --create -vvv
    ecr copy "$HOST/app:1" oci:copied:1 -vvv
    ecr tags "$HOST/app" -vvv
    for command in "create $HOST/two" "repos $HOST" "images $HOST/app" "tags $HOST/app" "describe $HOST/app" \
      "lifecycle put $HOST/app keep.json" "lifecycle get $HOST/app" "lifecycle preview $HOST/app" "du $HOST" \
      "scan start $HOST/app:1" "scan wait $HOST/app:1" "clean $HOST/app" "delete $HOST/app:1"; do
      # shellcheck disable=SC2086 # split into words on purpose
      ecr ecr $command -vvv
    done
  } > output 2>&1
  password=$(ecr ecr get-login-password "$HOST")
  for secret in double-secret-key "$password" "$(printf 'AWS:%s' "$password" | base64 -w0)" presigned-secret; do
    ! grep -qF -- "$secret" output || { echo "shown: $secret" >&2; return 1; }
  done
  ! grep -qE 'Signature=[0-9a-f]{8}' output
  grep -q GetAuthorizationToken output
}

@test "wrong words are exit status 2" {
  start_double
  for words in "ecr" "ecr create" "ecr repos registry.example" "ecr create $HOST/app --mutability SOMETIMES" \
    "ecr create $HOST/app --encryption NONE" "ecr delete $HOST/app" "ecr clean $HOST/app --tagged" \
    "ecr scan wait $HOST/app:1 --fail-on grave" "ecr scan wait $HOST/app:1 --wait 99999999999999999999" \
    "ecr scan wait $HOST/app:1 --wait 9999999999999999" "ecr clean $HOST/app --older-than yesterday" "ecr create app" "ecr create $HOST/app:1" \
    "ecr images $HOST/app:1" "ecr clean $HOST/app:1" "ecr lifecycle get $HOST/app:1" "ecr deploy-files $HOST/app:1" \
    "ecr deploy-files $HOST/app:1 --ecs - --terraform -" "ecr deploy-files oci:x:1 --github"; do
    # shellcheck disable=SC2086 # split into words on purpose
    run --separate-stderr davit $words
    [ "$status" -eq 2 ] || { echo "$words: $status $stderr" >&2; return 1; }
  done
  [ "$(calls api)" -eq 0 ]
}

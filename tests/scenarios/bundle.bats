#!/usr/bin/env bats
# davit bundle

load common

setup_file() { start_registry; }
teardown_file() { stop_registries; }
setup() {
  isolate
  make_rootfs rootfs
}

# A base, and images on it that differ in one small layer.
make_images() {
  local i
  davit build --rootfs rootfs -t "$REGISTRY/$1/base:1" > /dev/null
  for ((i = 1; i <= $2; ++i)); do
    mkdir -p app && echo "$i" > app/number
    davit build --base "$REGISTRY/$1/base:1" --layer app=/app -t "$REGISTRY/$1/app$i:1" > /dev/null
    echo "$REGISTRY/$1/app$i:1"
  done > "$1.list"
}

@test "twenty images are one file with each blob once, and load under their names" {
  make_images twenty 20
  davit bundle save -o all.bundle --from twenty.list > saved
  [ "$(grep -c twenty/app saved)" -eq 20 ]
  [ "$(tar -tf all.bundle | grep blobs/sha256/. | sort | uniq -d | wc -l)" -eq 0 ]
  # One layer of the base, and a layer, a config and a manifest for each image.
  [ "$(tar -tf all.bundle | grep -c 'blobs/sha256/.')" -eq 61 ]
  davit bundle verify all.bundle > /dev/null
  davit bundle load all.bundle "$REGISTRY/mirror" > loaded
  [ "$(wc -l < loaded)" -eq 20 ]
  while read -r name; do
    [ "$(davit digest "$name")" = "$(davit digest "$REGISTRY/mirror/${name#*/}")" ]
  done < twenty.list
}

@test "skopeo reads a bundle" {
  requires skopeo
  make_images read 2
  davit bundle save -o two.bundle --from read.list > /dev/null
  name=$(head -n 1 read.list)
  skopeo copy -q "oci-archive:two.bundle:$name" oci:copied:1
  [ "$(davit digest oci:copied:1)" = "$(davit digest "$name")" ]
}

@test "the same images give the same file" {
  make_images same 3
  davit bundle save -o one.bundle --from same.list > /dev/null
  davit bundle save -j 1 -o two.bundle --from - < same.list > /dev/null
  cmp one.bundle two.bundle
}

@test "a delta holds what is new, and loads onto the older state" {
  make_images old 3
  davit bundle save -o old.bundle --from old.list > /dev/null
  davit bundle load old.bundle "$REGISTRY/other" > /dev/null
  echo changed > app/number
  davit build --base "$REGISTRY/old/base:1" --layer app=/app -t "$REGISTRY/old/app2:1" > /dev/null
  davit bundle save -o delta.bundle --since old.bundle --from old.list > /dev/null
  # Of the changed image: a layer, a config and a manifest; of the others their manifests.
  [ "$(tar -tf delta.bundle | grep -c 'blobs/sha256/.')" -eq 5 ]
  davit bundle list --json old.bundle > old.json
  davit bundle save -o same.bundle --since old.json --from old.list > /dev/null
  cmp delta.bundle same.bundle
  davit bundle verify --delta delta.bundle > /dev/null
  run davit bundle verify delta.bundle
  [ "$status" -eq 3 ]
  davit bundle load delta.bundle "$REGISTRY/other" > /dev/null
  while read -r name; do
    [ "$(davit digest "$name")" = "$(davit digest "$REGISTRY/other/${name#*/}")" ]
  done < old.list
  run --separate-stderr davit bundle load delta.bundle "$REGISTRY/empty"
  [ "$status" -eq 3 ]
  [[ "$stderr" == *sha256:* ]]
}

@test "a bundle that is damaged is exit status 6" {
  make_images spoilt 1
  davit bundle save -o one.bundle --from spoilt.list > /dev/null
  python3 - <<'END'
data = bytearray(open("one.bundle", "rb").read())
data[700] ^= 1
open("flipped.bundle", "wb").write(data)
open("cut.bundle", "wb").write(data[: len(data) // 2])
END
  for file in flipped cut; do
    run --separate-stderr davit bundle verify "$file.bundle"
    [ "$status" -eq 6 ] || { echo "$file: $status $stderr" >&2; return 1; }
  done
}

# An image with a layer that comes in parts, in $1.
make_large() {
  head -c 40000000 /dev/urandom > rootfs/noise
  davit build -q --rootfs rootfs --compression none -t "$1" > /dev/null
}

@test "a save that breaks off goes on where it was, to the same file" {
  start_faulty_registry --fault 'method=GET;path=/blobs/;after=8;kind=cut_answer;bytes=3000000'
  make_large "$FAULTY/large:1"
  davit bundle save -q -o whole.bundle "$FAULTY/large:1" > /dev/null
  run --separate-stderr davit bundle save --retries 0 -j 1 -o part.bundle "$FAULTY/large:1"
  [ "$status" -eq 5 ]
  [[ "$stderr" == *"hint: what came is in part.bundle.part; the same command goes on from there"* ]]
  [ ! -e part.bundle ]
  run --separate-stderr davit bundle save --retries 0 -o part.bundle "$FAULTY/large:1"
  [ "$status" -eq 0 ]
  [[ "$stderr" == *" kept)"* ]]
  cmp whole.bundle part.bundle
  [ "$(find . -maxdepth 1 -name 'part.bundle*' | wc -l)" -eq 1 ]
}

@test "a save that is killed at any moment goes on to the same file" {
  make_large "$REGISTRY/killed:1"
  davit bundle save -q -o whole.bundle "$REGISTRY/killed:1" > /dev/null
  for delay in 0.005 0.01 0.02 0.03 0.04 0.05 0.06 0.08; do
    "$DAVIT" bundle save -q -o killed.bundle "$REGISTRY/killed:1" > /dev/null 2>&1 3>&- &
    pid=$!
    sleep "$delay"
    kill -9 "$pid" 2> /dev/null || true
    wait "$pid" 2> /dev/null || true
    [ ! -e killed.bundle ] || cmp whole.bundle killed.bundle
    davit bundle save -q -o killed.bundle "$REGISTRY/killed:1" > /dev/null
    cmp whole.bundle killed.bundle
    [ "$(find . -maxdepth 1 -name 'killed.bundle*' | wc -l)" -eq 1 ]
    rm killed.bundle
  done
}

@test "volumes are pieces of the file, and are read as it" {
  make_large "$REGISTRY/volumes:1"
  davit bundle save -q -o whole.bundle "$REGISTRY/volumes:1" > /dev/null
  davit bundle save -q --volume-size 15M -o disks.bundle "$REGISTRY/volumes:1" > saved
  cat disks.bundle.00? | cmp - whole.bundle
  [ ! -e disks.bundle ]
  davit bundle verify disks.bundle > verified
  cmp saved verified
  davit bundle load disks.bundle "$REGISTRY/unpacked" > /dev/null
  [ "$(davit digest "$REGISTRY/unpacked/volumes:1")" = "$(davit digest "$REGISTRY/volumes:1")" ]
  mv disks.bundle.002 away
  run --separate-stderr davit bundle list disks.bundle
  [ "$status" -eq 3 ]
  [[ "$stderr" == *"disks.bundle.002 is missing"* ]]
  mv away disks.bundle.002
  rm disks.bundle.003
  run --separate-stderr davit bundle list disks.bundle
  [ "$status" -eq 6 ]
  [[ "$stderr" == *"hint: is there a volume after disks.bundle.002?"* ]]
}

@test "podman loads several images from one file" {
  make_images docker 2
  davit bundle save -o two.tar --docker --from docker.list > /dev/null
  davit bundle verify two.tar > /dev/null
  requires podman
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  podman() { command podman --root "$PWD/podman" --runroot "$PWD/run" --storage-driver vfs "$@"; }
  podman load -q -i two.tar
  while read -r name; do podman image exists "$name"; done < docker.list
}

@test "an index goes whole, or one platform of it" {
  davit build --rootfs rootfs --platform linux/amd64 -t "$REGISTRY/multi:amd64" > /dev/null
  echo arm > rootfs/etc/hostname
  davit build --rootfs rootfs --platform linux/arm64 -t "$REGISTRY/multi:arm64" > /dev/null
  davit index create "$REGISTRY/multi:all" "$REGISTRY/multi:amd64" "$REGISTRY/multi:arm64" > /dev/null
  davit bundle save -o whole.bundle "$REGISTRY/multi:all" > /dev/null
  davit bundle save -o arm.bundle --platform linux/arm64 "$REGISTRY/multi:all" > /dev/null
  [ "$(davit digest "oci-archive:whole.bundle:$REGISTRY/multi:all")" = "$(davit digest "$REGISTRY/multi:all")" ]
  [ "$(tar -tf arm.bundle | grep -c 'blobs/sha256/.')" -eq 3 ]
}

@test "wrong words are exit status 2" {
  for words in "bundle" "bundle save" "bundle save -o x.bundle" "bundle save x:1" "bundle load x.bundle" \
    "bundle save -o x.bundle --volume-size 10 x:1" "bundle save -o x.bundle --volume-size y x:1" \
    "bundle save -o x.bundle --docker --since x.json x:1"; do
    # shellcheck disable=SC2086 # split into words on purpose
    run --separate-stderr davit $words
    [ "$status" -eq 2 ] || { echo "$words: $status $stderr" >&2; return 1; }
  done
}

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
  for words in "bundle" "bundle save" "bundle save -o x.bundle" "bundle save x:1" "bundle load x.bundle"; do
    # shellcheck disable=SC2086 # split into words on purpose
    run --separate-stderr davit $words
    [ "$status" -eq 2 ] || { echo "$words: $status $stderr" >&2; return 1; }
  done
}

#!/usr/bin/env bats
# davit pull, unpack, export, files, cat, diff

load common

setup_file() { start_registry; }
teardown_file() { stop_registries; }
teardown() { umount small 2> /dev/null || true; }
setup() {
  isolate
  make_rootfs rootfs
}

list() { (cd "$1" && find . -printf '%P %y %m %U %G %l %n %Ts\n' | sort); }

# Ten layers with whiteouts, opaque directories and replaced kinds, written by tar alone.
make_layers() {
  local i
  for i in 1 2 3 4 5 6 7 8 9 10; do
    mkdir -p "work$i/dir$i" "work$i/shared"
    echo "file $i" > "work$i/dir$i/file"
    echo "layer $i" > "work$i/shared/last"
    echo "own $i" > "work$i/shared/own$i"
  done
  touch work4/.wh.dir2 work5/shared/.wh.own3 work7/shared/.wh..wh..opq
  ln -s dir1 work2/link
  echo "through the link" > work3/plain
  ln work3/plain work3/hard
  mkdir work8/plain && touch work8/plain/inside
  for i in 1 2 3 4 5 6 7 8 9 10; do
    find "work$i" -exec touch -h -d "2024-05-06 07:08:$i UTC" {} +
    tar -C "work$i" --sort=name -cf "layer$i.tar" .
  done
}

@test "the unpacked image equals the directory it was built of" {
  davit build --rootfs rootfs -t "$REGISTRY/app:1" > built
  run --separate-stderr davit unpack "$REGISTRY/app:1" out
  [ "$status" -eq 0 ]
  [ "$output" = "$(cat built)" ]
  diff <(list rootfs) <(list out)
  diff -r --no-dereference --exclude=fifo rootfs out
}

@test "ten layers with whiteouts give the tree that umoci gives" {
  requires umoci
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  make_layers
  layers=()
  for i in 1 2 3 4 5 6 7 8 9 10; do layers+=(--layer "layer$i.tar"); done
  davit build "${layers[@]}" -t oci:layout:1 > /dev/null
  davit unpack oci:layout:1 ours > /dev/null
  umoci raw unpack --image layout:1 theirs > /dev/null
  diff <(list ours) <(list theirs)
  diff -r ours theirs
  [ ! -e ours/dir2 ]
  [ "$(cat ours/shared/last)" = "layer 10" ]
}

@test "from a registry that is slow, layers come in parts at the same time" {
  start_faulty_registry --fault 'method=GET;path=/blobs/;times=always;kind=delay;delay=150'
  head -c 20000000 /dev/urandom > rootfs/noise
  davit build -q --rootfs rootfs --max-layer-size 5M --compression none -t "$FAULTY/slow:1" > /dev/null
  davit unpack -q "$FAULTY/slow:1" unpacked
  diff -r --no-dereference --exclude=fifo rootfs unpacked
  [ "$(grep -c 'GET .*/blobs/' "$FAULTY_LOG")" -ge 8 ]
}

@test "a directory that is not empty is left alone" {
  davit build --rootfs rootfs -t oci:layout:1 > /dev/null
  mkdir out
  touch out/mine
  run --separate-stderr davit unpack oci:layout:1 out
  [ "$status" -eq 1 ]
  assert_one_error_line
  [ "$(ls out)" = mine ]
  mkdir empty
  davit unpack oci:layout:1 empty > /dev/null
  [ -e empty/etc/hostname ]
}

@test "a directory is where the kernel says, links considered" {
  davit build --rootfs rootfs -t oci:layout:1 > /dev/null
  mkdir -p real/sub
  ln -s real/sub link
  davit unpack oci:layout:1 link/../out > /dev/null
  [ -e real/out/etc/hostname ]
  [ ! -e out ]
}

@test "what a run left that its owner cannot write to is removed by the next" {
  requires setpriv
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  place=$(mktemp -d /tmp/davit-unpack-XXXXXX)
  davit build --rootfs rootfs -t "oci-archive:$place/image.tar:1" > /dev/null
  cp "$DAVIT" "$place/davit"
  mkdir -p "$place/.out.davit-partial/a/b"
  touch "$place/.out.davit-partial/a/b/c"
  chmod 555 "$place/.out.davit-partial/a/b" "$place/.out.davit-partial/a" "$place/.out.davit-partial"
  chown -R 65534:65534 "$place"
  run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/nonexistent \
    "$place/davit" unpack "oci-archive:$place/image.tar:1" "$place/out"
  left=$(find "$place" -name '.*.davit-partial')
  [ "$status" -eq 0 ] || { rm -rf "$place"; echo "$stderr" >&2; return 1; }
  rm -rf "$place"
  [ -z "$left" ]
}

@test "the current directory can be filled, too" {
  davit build --rootfs rootfs -t "oci:$PWD/layout:1" > /dev/null
  mkdir here
  layout=$PWD/layout
  (cd here && "$DAVIT" unpack "oci:$layout:1" . > /dev/null && [ -e etc/hostname ])
  diff -r --no-dereference --exclude=fifo rootfs here
}

@test "a person without privileges gets all but devices and owners" {
  requires setpriv
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  mknod rootfs/null c 1 3 || skip "may not make devices"
  chown 1000:1000 rootfs/etc/hostname
  place=$(mktemp -d /tmp/davit-unpack-XXXXXX)
  chmod 777 "$place"
  davit build --rootfs rootfs -t "oci-archive:$place/image.tar:1" > /dev/null
  cp "$DAVIT" "$place/davit"
  chmod 644 "$place/image.tar"
  run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/nonexistent \
    "$place/davit" unpack "oci-archive:$place/image.tar:1" "$place/out"
  said=$stderr
  hostname=$(cat "$place/out/etc/hostname")
  device=$(ls "$place/out/null" 2> /dev/null || true)
  rm -rf "$place"
  [ "$status" -eq 0 ] || { echo "$said" >&2; return 1; }
  [[ "$said" == *"devices could not be set or made, 1 in all: the first is null"* ]]
  [ "$hostname" = davit ]
  [ -z "$device" ]
}

@test "hostile images are refused or kept inside, and nothing around them changes" {
  mkdir -p world/cases world/place
  cd world
  echo untouched > outside
  python3 "$BATS_TEST_DIRNAME/../support/hostile_layers.py" cases "$PWD/outside" > ../expected
  [ "$(wc -l < ../expected)" -gt 35 ]
  list . | grep -v '^place' > ../before
  while read -r name outcome; do
    run --separate-stderr davit unpack --progress none --max-size 2M "oci:cases/$name:1" "place/$name"
    if [ "$outcome" = refused ]; then
      [[ "$status" -eq 6 || "$status" -eq 7 ]] || { echo "$name: $status $stderr" >&2; return 1; }
      [ ! -e "place/$name" ] || { echo "$name: is there" >&2; return 1; }
      assert_one_error_line
      [[ "$stderr" != *$'\e'* ]]
    else
      [ "$status" -eq 0 ] || { echo "$name: $status $stderr" >&2; return 1; }
    fi
  done < ../expected
  [ "$(cat outside)" = untouched ]
  list . | grep -v '^place' | diff ../before - >&2
  [ -z "$(find place -name '.*.davit-partial')" ]
}

@test "small layers that would need much memory are refused with little" {
  local most=65536
  # AddressSanitizer keeps what is freed.
  if grep -q __asan_init "$DAVIT"; then most=1048576; fi
  place=$(mktemp -d -p /dev/shm 2> /dev/null || mktemp -d)
  python3 "$BATS_TEST_DIRNAME/../support/hostile_layers.py" --greedy cases outside > expected
  while read -r name outcome; do
    for words in "unpack oci:cases/$name:1 $place/out" "files oci:cases/$name:1" "export oci:cases/$name:1 out.tar"; do
      # shellcheck disable=SC2086
      run --separate-stderr bash -c 'exec /usr/bin/time -f "peak %M" "$@"' - "$DAVIT" $words --progress none
      peak=$(sed -n 's/^peak //p' <<< "$stderr")
      [[ "$status" -eq 7 || "$status" -eq 6 ]] || { rm -rf "$place"; echo "$words: $status $stderr" >&2; return 1; }
      [ "$peak" -lt "$most" ] || { rm -rf "$place"; echo "$words: $peak KiB" >&2; return 1; }
    done
  done < expected
  left=$(ls -A "$place")
  rm -rf "$place"
  [ -z "$left" ]
}

@test "a full disk is an error that names the file, and leaves nothing" {
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  mkdir small
  mount -t tmpfs -o size=200k tmpfs small || skip "may not mount"
  head -c 400000 /dev/urandom > rootfs/usr/lib/noise
  davit build --rootfs rootfs -t oci:layout:1 > /dev/null
  run --separate-stderr davit unpack oci:layout:1 small/out
  left=$(ls -A small)
  run davit unpack oci:layout:1 small
  at_mount=$(ls -A small)
  umount small
  [ "$status" -eq 1 ]
  [[ "$stderr" == *noise* || "$stderr" == *zeros* ]]
  [ -z "$left" ]
  [ -z "$at_mount" ]
}

@test "a pull that fills the disk gives its room back" {
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  mkdir small
  mount -t tmpfs -o size=30m tmpfs small || skip "may not mount"
  head -c 40000000 /dev/urandom > rootfs/noise
  davit build -q --rootfs rootfs --compression none -t "$REGISTRY/full:1" > /dev/null
  run --separate-stderr davit pull "$REGISTRY/full:1" oci:small/layout:1
  [ "$status" -eq 1 ]
  [[ "$stderr" == *"No space left on device"* ]]
  [ -z "$(find small -name '.davit-*')" ]
  [ "$(du -sk small | cut -f1)" -lt 100 ]
}

@test "a run that was killed is done again from the start" {
  for i in 1 2 3 4; do head -c 3000000 /dev/urandom > "rootfs/noise$i"; done
  davit build --rootfs rootfs -t oci:layout:1 > /dev/null
  for delay in 0.001 0.005 0.01 0.02 0.03 0.04; do
    "$DAVIT" unpack oci:layout:1 out > /dev/null 2>&1 &
    pid=$!
    sleep "$delay"
    kill -9 "$pid" 2> /dev/null || true
    wait "$pid" 2> /dev/null || true
    if [ -e out ]; then
      diff -r --no-dereference --exclude=fifo rootfs out
      rm -r out
    fi
  done
  davit unpack oci:layout:1 out > /dev/null
  diff -r --no-dereference --exclude=fifo rootfs out
  [ -z "$(find . -maxdepth 1 -name '.out.davit-partial')" ]
}

@test "a pull that is killed at any moment goes on, and leaves a layout that is valid" {
  head -c 40000000 /dev/urandom > rootfs/noise
  davit build -q --rootfs rootfs --compression none -t "$REGISTRY/killed:1" > /dev/null
  davit pull -q "$REGISTRY/killed:1" oci:whole:1 > /dev/null
  for delay in 0.005 0.01 0.02 0.03 0.04 0.05 0.06 0.08; do
    "$DAVIT" pull -q "$REGISTRY/killed:1" oci:layout:1 > /dev/null 2>&1 3>&- &
    pid=$!
    sleep "$delay"
    kill -9 "$pid" 2> /dev/null || true
    wait "$pid" 2> /dev/null || true
    if [ -e layout/oci-layout ] && davit digest oci:layout:1 > digest 2> /dev/null; then
      [ "$(cat digest)" = "$(davit digest oci:whole:1)" ]
      if command -v skopeo > /dev/null; then skopeo inspect oci:layout:1 > /dev/null; fi
    fi
    davit pull -q "$REGISTRY/killed:1" oci:layout:1 > /dev/null
    diff -r --exclude=.davit.lock whole layout
    rm -r layout
  done
}

@test "a pull that breaks off goes on where it was" {
  start_faulty_registry --fault 'method=GET;path=/blobs/;after=2;kind=cut_answer;bytes=3000000'
  head -c 40000000 /dev/urandom > rootfs/noise
  davit build -q --rootfs rootfs --compression none -t "$FAULTY/large:1" > built
  run --separate-stderr davit pull --retries 0 -j 1 "$FAULTY/large:1"
  [ "$status" -eq 5 ]
  run --separate-stderr davit pull "$FAULTY/large:1"
  [ "$status" -eq 0 ]
  [[ "$stderr" == *"kept)"* ]]
  [ "$(davit digest oci:large:1)" = "$(cut -d@ -f2 built)" ]
  [ "$(find large -name '.davit-*' | wc -l)" -eq 0 ]
}

@test "pull brings an image into a layout named after it, and goes on where it was" {
  davit build --rootfs rootfs -t "$REGISTRY/team/app:1.0" > built
  davit pull "$REGISTRY/team/app:1.0" > pulled
  [ "$(davit digest oci:app:1.0)" = "$(cut -d@ -f2 built)" ]
  before=$(registry_requests | grep -c "GET /v2/team/app/blobs/")
  davit pull "$REGISTRY/team/app:1.0" > again
  [ "$(registry_requests | grep -c "GET /v2/team/app/blobs/")" -eq "$before" ]
  run davit pull oci:app:1.0
  [ "$status" -eq 2 ]
  run davit pull "$REGISTRY/team/app:1.0" "$REGISTRY/other:1"
  [ "$status" -eq 2 ]
}

@test "of an index, the image of a platform is unpacked" {
  echo amd64 > rootfs/etc/hostname
  davit build --rootfs rootfs --platform linux/amd64 -t oci:layout:amd64 > /dev/null
  echo arm64 > rootfs/etc/hostname
  davit build --rootfs rootfs --platform linux/arm64 -t oci:layout:arm64 > /dev/null
  davit index create oci:layout:all oci:layout:amd64 oci:layout:arm64 > /dev/null
  davit unpack --platform linux/arm64 oci:layout:all out > /dev/null
  [ "$(cat out/etc/hostname)" = arm64 ]
  run --separate-stderr davit unpack --platform linux/s390x oci:layout:all other
  [ "$status" -eq 3 ]
  [ ! -e other ]
}

@test "the flattened tar has what the unpacked directory has" {
  make_layers
  layers=()
  for i in 1 2 3 4 5 6 7 8 9 10; do layers+=(--layer "layer$i.tar"); done
  davit build "${layers[@]}" -t oci:layout:1 > /dev/null
  davit unpack oci:layout:1 unpacked > /dev/null
  mkdir exported
  davit export oci:layout:1 | tar -C exported -xp
  diff <(list unpacked | sed 's/ [0-9]*$//') <(list exported | sed 's/ [0-9]*$//')
  diff -r unpacked exported
  davit export oci:layout:1 flat.tar
  davit export oci:layout:1 - | cmp - flat.tar
  [ "$(tar -tf flat.tar | sort | uniq -d | wc -l)" -eq 0 ]
}

@test "a name stays with its content when an upper layer takes the other name away" {
  mkdir -p one two
  echo content > one/first
  ln one/first one/second
  ln one/first one/third
  touch two/.wh.first
  tar -C one --sort=name -cf one.tar .
  tar -C two -cf two.tar .
  davit build --layer one.tar --layer two.tar -t oci:layout:1 > /dev/null
  mkdir out
  davit export oci:layout:1 | tar -C out -x
  [ "$(ls out | tr '\n' ' ')" = "second third " ]
  [ "$(cat out/second out/third)" = "$(printf 'content\ncontent')" ]
  [ "$(stat -c %h out/second)" -eq 2 ]
}

@test "a file beneath a link of a lower layer is one and the same for all commands" {
  mkdir -p one/usr/lib two/lib
  ln -s usr/lib one/lib
  echo old > one/usr/lib/a
  ln one/usr/lib/a one/kept
  echo new > two/lib/a
  touch two/lib/.wh.none
  tar -C one --sort=name -cf one.tar .
  tar -C two -cf two.tar lib/a lib/.wh.none
  davit build --layer one.tar --layer two.tar -t oci:layout:1 > /dev/null
  davit unpack oci:layout:1 unpacked > /dev/null
  mkdir exported
  davit export oci:layout:1 | tar -C exported -xp
  for place in unpacked exported; do
    [ -L "$place/lib" ]
    [ "$(cat "$place/usr/lib/a")" = new ]
    [ "$(cat "$place/kept")" = old ]
  done
  [ "$(davit cat oci:layout:1 lib/a)" = new ]
  [ "$(davit cat oci:layout:1 kept)" = old ]
  [ "$(davit files oci:layout:1 lib/a)" = usr/lib/a ]
}

@test "files are listed, and one is printed, with links followed inside the image" {
  ln -s ../usr/lib rootfs/etc/lib
  echo inside > rootfs/usr/lib/data
  ln -s /etc/lib/data rootfs/data
  davit build --rootfs rootfs -t "$REGISTRY/look:1" > /dev/null
  davit files "$REGISTRY/look:1" > names
  grep -qx etc/hostname names
  [ "$(davit files "$REGISTRY/look:1" etc | head -n 1)" = etc ]
  davit files -l "$REGISTRY/look:1" bin | grep -q '^-rwxr-xr-x .* bin/hello-again = bin/hello$'
  [ "$(davit cat "$REGISTRY/look:1" /data)" = inside ]
  davit cat "$REGISTRY/look:1" bin/hello-again | diff - rootfs/bin/hello
  run davit cat "$REGISTRY/look:1" absent
  [ "$status" -eq 3 ]
  run davit cat "$REGISTRY/look:1" etc
  [ "$status" -eq 2 ]
  run davit files "$REGISTRY/look:1" absent
  [ "$status" -eq 3 ]
}

@test "the difference of two images names files and sizes" {
  davit build --rootfs rootfs -t oci:layout:1 > /dev/null
  echo changed-and-longer > rootfs/etc/hostname
  rm rootfs/usr/lib/zeros
  head -c 1000 /dev/zero > rootfs/usr/lib/new
  davit build --rootfs rootfs -t oci:layout:2 > /dev/null
  davit diff oci:layout:1 oci:layout:2 > changes
  grep -q '^0 of 1 layers are shared$' changes
  grep -q '^removed  *-300 kB  *usr/lib/zeros$' changes
  grep -q '^added  *+1.00 kB  *usr/lib/new$' changes
  grep -q '^changed .* etc/hostname$' changes
  [ "$(wc -l < changes)" -eq 4 ]
  davit diff --json oci:layout:1 oci:layout:1 | python3 -c 'import json, sys; d = json.load(sys.stdin); assert d["sharedLayers"] == 1 and not d["changed"]'
}

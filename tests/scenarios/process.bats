# What the program is among others: the streams it is given, the signals that reach it, the terminal
# it asks at, the files that are none, the limits of the system.

load common

setup_file() {
  make_rootfs "$BATS_FILE_TMPDIR/rootfs"
  davit build -q --rootfs "$BATS_FILE_TMPDIR/rootfs" -t "oci:$BATS_FILE_TMPDIR/image:1" > /dev/null
  export IMAGE=oci:$BATS_FILE_TMPDIR/image:1
}

setup() { cd "$BATS_TEST_TMPDIR"; }

# A process hears signals in its own way once it blocks them. So does the shell for a moment, before it
# becomes the program.
until_it_listens() {
  until [ "$(readlink "/proc/$1/exe")" = "$(readlink -f "$DAVIT")" ]; do sleep 0.01; done
  until grep -q '^SigBlk:.*[1-9a-f]' "/proc/$1/status"; do sleep 0.01; done
}

# at_terminal SCRIPT WORDS...: runs davit at a terminal of its own, as a shell does. In the Python
# that is the script, `ask(text)` waits until a text was written, `type(text)` types, `send(number)`
# sends a signal, `shows(yes)` waits until what is typed is shown, or is not, and `ended` waits for
# the exit status. Where the program pauses, the shell says "paused" and goes on with it.
at_terminal() {
  local script=$1
  shift
  cat > shell.py <<'END'
import os, pty, signal, sys, termios, time

signal.alarm(20)
# Whoever runs the tests may have been told to ignore it, as by nohup.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
pid, terminal = pty.fork()
if pid == 0:
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpgrp())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(sys.argv[1], sys.argv[1:])
    while True:
        code = os.waitpid(job, os.WUNTRACED)[1]
        if not os.WIFSTOPPED(code):
            status = os.waitstatus_to_exitcode(code)
            print("ended", status if status >= 0 else 128 - status, flush=True)
            time.sleep(20)
        os.tcsetpgrp(0, os.getpgrp())
        print("paused", flush=True)
        sys.stdin.readline()
        os.tcsetpgrp(0, job)
        os.kill(job, signal.SIGCONT)
said = b""

def ask(text):
    global said
    while text not in said:
        said += os.read(terminal, 1000)
    said = said[said.index(text) + len(text):]

def type(text):
    os.write(terminal, text)

def send(number):
    os.killpg(os.tcgetpgrp(terminal), number)

def shows(yes):
    while bool(termios.tcgetattr(terminal)[3] & termios.ECHO) != yes:
        time.sleep(0.01)

def ended(status):
    ask(b"ended %d\r\n" % status)

END
  echo "$script" >> shell.py
  python3 shell.py "$DAVIT" "$@"
}

@test "streams that are closed never become files of an image" {
  davit copy "$IMAGE" oci:copied:1 0<&- 1>&- 2>&-
  davit copy -q "$IMAGE" oci-archive:copied.tar:1 0<&- 1>&- 2>&-
  davit export -q oci:copied:1 files.tar
  davit export -q oci-archive:copied.tar:1 more.tar
  cmp files.tar more.tar
}

@test "a device is written through, not replaced" {
  mknod null c 1 3 2> /dev/null || skip "only root makes devices"
  ln -s null link
  davit export -q "$IMAGE" null
  davit export -q "$IMAGE" link
  [ -c null ]
  [ -L link ]
  [ "$(ls)" = "$(printf 'link\nnull')" ]
}

@test "a fifo is written through, and a file behind a link is replaced" {
  davit export -q "$IMAGE" whole.tar
  mkfifo fifo
  cat fifo > read.tar &
  davit export -q "$IMAGE" fifo
  wait $!
  cmp whole.tar read.tar
  [ -p fifo ]
  echo old > target.tar
  ln -s target.tar link.tar
  davit export -q "$IMAGE" link.tar
  [ -L link.tar ]
  cmp whole.tar target.tar
}

@test "/dev/stdout is the standard output, behind what stands there" {
  davit export -q "$IMAGE" whole.tar
  davit export -q "$IMAGE" /dev/stdout | cmp - whole.tar
  (echo before; davit export -q "$IMAGE" /dev/stdout; echo after) > log
  (echo before; cat whole.tar; echo after) | cmp - log
}

@test "files are written for everyone to read and nobody else to write, whatever the umask" {
  (umask 0; davit copy -q "$IMAGE" oci:open:1 > /dev/null
    davit copy -q "$IMAGE" oci-archive:open.tar:1 > /dev/null
    davit export -q "$IMAGE" open.files.tar)
  [ -z "$(find . -perm /022)" ]
  (umask 077; davit copy -q "$IMAGE" oci:closed:1 > /dev/null)
  [ -z "$(find closed -perm /077)" ]
}

@test "a signal ends a program that writes to a pipe that nobody reads" {
  head -c 3000000 /dev/zero > zeros
  davit build -q --layer zeros=/zeros -t oci:large:1 > /dev/null
  mkfifo fifo
  for place in - fifo; do
    exec 7<> fifo
    "$DAVIT" export -q oci:large:1 "$place" > fifo 3>&- &
    read -r -N 1 -u 7 _
    kill -TERM $!
    ends_with 130 $!
    exec 7<&-
  done
  # Without any reader.
  "$DAVIT" export -q oci:large:1 fifo 3>&- &
  until_it_listens $!
  kill -TERM $!
  ends_with 130 $!
}

@test "a signal ends a program that waits for another's lock" {
  davit copy -q "$IMAGE" oci:locked:1 > /dev/null
  exec 7> locked/.davit.lock
  flock 7
  "$DAVIT" copy -q "$IMAGE" oci:locked:2 3>&- 7>&- &
  until_it_listens $!
  kill -TERM $!
  ends_with 130 $!
  exec 7>&-
  davit copy -q "$IMAGE" oci:locked:2 > /dev/null
}

@test "a signal that means nothing does not make it deaf" {
  mkfifo fifo
  "$DAVIT" export -q "$IMAGE" fifo 3>&- &
  until_it_listens $!
  kill -USR1 $!
  kill -USR1 $!
  kill -TERM $!
  ends_with 130 $!
}

@test "Ctrl-C at the password is exit status 130, and the terminal is as it was" {
  at_terminal 'ask(b"Password: "); shows(False); type(b"\x03"); ended(130); shows(True)' \
    login 127.0.0.1:1 -u someone
}

@test "however a signal ends it at the password, the terminal is as it was" {
  for end in "SIGTERM 130" "SIGHUP 130" "SIGQUIT 131"; do
    at_terminal "ask(b'Password: '); shows(False); send(signal.${end% *}); ended(${end#* }); shows(True)" \
      login 127.0.0.1:1 -u someone
  done
}

@test "Ctrl-Z at the password shows what is typed, and hides it again when it goes on" {
  at_terminal 'ask(b"Password: "); shows(False); type(b"\x1a"); ask(b"paused"); shows(True)
type(b"fg\n"); shows(False); type(b"\x03"); ended(130); shows(True)' \
    login 127.0.0.1:1 -u someone
}

@test "where the system refuses threads it ends, and says so" {
  [ "$(id -u)" -eq 0 ] || skip "only root can be another user"
  requires setpriv
  # The directories of bats are not for other users.
  local shared status
  shared=$(mktemp -d)
  make_rootfs "$shared/rootfs"
  chmod -R a+rX "$shared"
  chmod 777 "$shared"
  for threads in 1 2 3 4 5 6 7 8 9 10 30; do
    status=0
    # shellcheck disable=SC2016 # for the inner shell
    timeout 20 setpriv --reuid=61234 --clear-groups bash -c \
      'ulimit -u "$0"; exec "$DAVIT" build -q --rootfs "$1/rootfs" -t "oci:$1/image:1"' \
      "$threads" "$shared" 2> errors > /dev/null || status=$?
    if [ "$status" -ne 0 ] && [ "$status" -ne 1 ]; then break; fi
    if [ "$threads" -eq 1 ]; then grep -q "the system refuses to start a thread" errors || break; fi
  done
  rm -r "$shared"
  [ "$threads" -eq 30 ]
  [ "$status" -eq 0 ] || { echo "$threads threads: $status $(cat errors)" >&2; return 1; }
}

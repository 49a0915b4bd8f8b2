# Last step of the first boot: installs the engine if it is missing. A failure does not stop the
# boot: belt then installs the engine over SSH, and reports the reason if that fails too.
LC_ALL=C
export LC_ALL
step() { echo "belt: $1"; }
install_engine() {
. /etc/os-release
case "$ID ${ID_LIKE-} " in
{{systems}}
*) step "the engine of $ID is installed over SSH"; exit 0 ;;
esac
{ {{enable}}; {{start}}; } >&2
}
command -v dockerd >/dev/null || (install_engine) || step 'the engine could not be installed'

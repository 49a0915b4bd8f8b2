# From belt, the last of the first boot: installs the engine where there is none. What fails here keeps nothing from booting: belt installs it
# over SSH then, and says why where that fails too.
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

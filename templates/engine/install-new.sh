# The first boot may have installed an engine in the meantime.
if command -v dockerd >/dev/null && [ ! -e "$unfinished.install" ]; then exit 0; fi
begin_change install
{{script}}
end_change install

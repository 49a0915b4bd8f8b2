"""Prints as JSON the cloud-config that cloud-init merges from a file with multi-part user data."""
import json
import os
import sys
import tempfile

from cloudinit import handlers, helpers, user_data, util
from cloudinit.handlers.cloud_config import CloudConfigPartHandler


class Source:
    def get_instance_id(self):
        return "one"


with tempfile.TemporaryDirectory() as folder:
    os.makedirs(f"{folder}/instances/one")
    paths = helpers.Paths({"cloud_dir": folder, "run_dir": folder, "templates_dir": "/etc/cloud/templates"}, Source())
    handler = CloudConfigPartHandler(paths)
    handler.handle_part(None, handlers.CONTENT_START, None, None, None, {})
    with open(sys.argv[1], "rb") as file:
        parts = user_data.UserDataProcessor(paths).process(file.read()).walk()
    for part in parts:
        if part.get_content_type() != "text/cloud-config":
            continue
        text = util.fully_decoded_payload(part)
        handler.handle_part(None, part.get_content_type(), part.get_filename(), text, None, dict(part))
    handler.handle_part(None, handlers.CONTENT_END, None, None, None, {})
    print(json.dumps(util.load_yaml(util.load_text_file(handler.cloud_fn))))

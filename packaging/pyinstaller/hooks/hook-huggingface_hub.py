"""Whether there is hf_xet, huggingface_hub asks the metadata; without, it falls back to HTTP and says nothing."""

from PyInstaller.utils.hooks import copy_metadata

hiddenimports = ["hf_xet"]
datas = copy_metadata("huggingface_hub") + copy_metadata("hf_xet")

#!/bin/sh
# Apple's pfl in an environment of its own, beside fedbind's, for `fedbind bench rounds --system pfl`.
#
#   benchmarks/pfl_env.sh FOLDER [PYTHON]
#
# FOLDER becomes a virtual environment. PYTHON (default: .venv/bin/python) is the interpreter of fedbind's own, whose torch it
# takes as it is, so that both train with the same build and nothing large is installed twice. pfl pins older versions of
# a few small packages; these go into FOLDER alone. Some 60 MB.
set -eu
[ $# -ge 1 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
folder=$1
own=${2:-.venv/bin/python}
"$own" -c 'import torch' || { echo "$own has no torch: run 'make demo' first, or name another interpreter" >&2; exit 2; }
where='import sysconfig; print(sysconfig.get_path("purelib"))'
[ -x "$folder/bin/python" ] || "$("$own" -c 'import sys; print(sys._base_executable)')" -m venv "$folder"
"$own" -c "$where" > "$("$folder/bin/python" -c "$where")/of_fedbind.pth" # searched after the folder's own packages
"$folder/bin/python" -m pip -qq --disable-pip-version-check install pfl==0.6.0
"$folder/bin/python" -c 'import pfl, torch; print("pfl is ready, with torch", torch.__version__)'

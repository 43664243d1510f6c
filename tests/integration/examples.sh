#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs each example on a small setting, and on arguments that it must refuse in one line.
set -euo pipefail

for program in quickstart anomaly_detection feature_classifier from_json custom_layer custom_objective; do
  if [ ! -x "$VAEKIT_BIN/$program" ]; then
    echo "the examples are not built"
    exit 77
  fi
done
work=$(mktemp -d "${TMPDIR:-/tmp}/vaekit_examples.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# refused CODE PATTERN COMMAND...: exit code and one line on stderr
refused() {
  local code=$1 pattern=$2 got=0
  shift 2
  "$@" >stdout 2>stderr || got=$?
  [ "$got" -eq "$code" ] || fail "$*: exit code $got, expected $code"
  [ "$(wc -l <stderr)" -eq 1 ] && grep -Eq "$pattern" stderr || fail "$*: $(cat stderr)"
}

# 32 images of 4x4 pixels as an IDX file, each pixel 0, 64, 128 or 192 (escapes for printf)
image='\0\100\200\300\0\100\200\300\300\200\100\0\300\200\100\0'
images=$(for _ in $(seq 32); do printf '%s' "$image"; done)
printf '\0\0\10\3\0\0\0\40\0\0\0\4\0\0\0\4'"$images" >images-idx3-ubyte
refused 3 'batch_size.*larger than the training set of 32' "$VAEKIT_BIN/quickstart" images-idx3-ubyte
refused 2 '^usage: quickstart \[IMAGES.idx.gz \[EPOCHS\]\]: stoi$' "$VAEKIT_BIN/quickstart" images-idx3-ubyte ten
[ "$(wc -l <"$VAEKIT_SOURCE/examples/quickstart.cpp")" -le 40 ] || fail "quickstart.cpp has more than 40 lines"
for _ in 1 2 3; do images+=$images; done
printf '\0\0\10\3\0\0\1\0\0\0\0\4\0\0\0\4'"$images" >images-idx3-ubyte
"$VAEKIT_BIN/quickstart" images-idx3-ubyte 2 | tee stdout
[ "$(grep -Ec '^epoch [12]: elbo -[0-9.]+$' stdout)" -eq 2 ] || fail "quickstart does not print two epochs"
[ "$(head -c 4 samples.png | tail -c 3)" = PNG ] || fail "quickstart wrote no PNG"
refused 6 '^missing: cannot open' "$VAEKIT_BIN/quickstart" missing

"$VAEKIT_BIN/anomaly_detection" 1 1 | tee stdout
scored='^trained on [0-9]+ samples of class 1, scored 2000 of all classes:'
grep -Eq "$scored AUROC 0\.[5-9][0-9]*, average precision 0\.[6-9][0-9]*\$" stdout ||
  fail "anomaly_detection finds anomalies no better than chance"
refused 4 'data set is empty' "$VAEKIT_BIN/anomaly_detection" 9 1
whole='must be a whole number from 0 to 2147483647$'
refused 2 "^anomaly_detection: CLASS: is \"1x\", $whole" "$VAEKIT_BIN/anomaly_detection" 1x 1
refused 2 "^anomaly_detection: EPOCHS: is \"ten\", $whole" "$VAEKIT_BIN/anomaly_detection" 1 ten

# The same images with labels 0 .. 3, each that of many images: nothing to learn, but a file of features.
mkdir images
labels=$(for _ in $(seq 64); do printf '%s' '\0\1\2\3'; done)
for part in train t10k; do
  cp images-idx3-ubyte images/$part-images-idx3-ubyte.gz
  printf '\0\0\10\1\0\0\1\0'"$labels" >images/$part-labels-idx1-ubyte.gz
done
"$VAEKIT_BIN/feature_classifier" images "four labels" features.safetensors 2 | tee stdout
grep -q '^four labels: accuracy 0.25 on 256 test images$' stdout || fail "feature_classifier tells equal images apart"
[ -s features.safetensors ] || fail "feature_classifier wrote no file"
refused 2 '^usage: feature_classifier FOLDER NAME OUT' "$VAEKIT_BIN/feature_classifier" images
refused 2 "^feature_classifier: EPOCHS: is \"2x\", $whole" "$VAEKIT_BIN/feature_classifier" images name out 2x

config=$VAEKIT_SOURCE/configs/quickstart_synthetic.json
"$VAEKIT_BIN/from_json" "$config" training.epochs=1 data.train.count=512 data.test.count=100 | tee stdout
grep -Eq '^quickstart-synthetic: elbo -[0-9.]+, reconstruction -[0-9.]+, kl [0-9.]+ nats$' stdout ||
  fail "from_json prints no result"
refused 3 'unknown key.*did you mean "epochs"' "$VAEKIT_BIN/from_json" "$config" training.epohs=1
refused 3 '^config /data/condition: is set, must be left out; use vaekit train$' \
  "$VAEKIT_BIN/from_json" "$config" 'data.condition={"type":"labels"}'
refused 4 'must be in \[0, 1\] for a bernoulli likelihood' "$VAEKIT_BIN/from_json" "$config" data.scale='[0,2]'

# Exits with 1 when a gradient is wrong.
"$VAEKIT_BIN/custom_layer"

refused 2 "^custom_objective: EPOCHS: is \"abc\", $whole" "$VAEKIT_BIN/custom_objective" abc
"$VAEKIT_BIN/custom_objective" 2 | tee stdout
test "$(grep -Ec ': elbo of the worst tenth -[0-9.]+$' stdout)" = 2 || fail "custom_objective prints no results"

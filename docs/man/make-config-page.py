# SPDX-License-Identifier: LGPL-2.1-or-later
"""Put the options as `vmm run --help` prints them into a manual page: PAGE VMM OUTPUT."""
import subprocess
import sys

page, vmm, output = sys.argv[1:]
text = subprocess.run([vmm, 'run', '--help'], capture_output=True, check=True, text=True).stdout
text = text.split('Options:\n', 1)[1].split('\nExit status', 1)[0]
text = text.replace('\\', '\\e').replace('-', '\\-')
text = '\n'.join('\\&' + line if line[:1] in ('.', "'") else line for line in text.splitlines())
with open(page, encoding='utf-8') as source, open(output, 'w', encoding='utf-8') as target:
    target.write(source.read().replace('@HELP@', text))

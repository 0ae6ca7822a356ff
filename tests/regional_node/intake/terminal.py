"""The commands of intake as a program of their own: `python -m … --data FOLDER upload …`.

Mounts what `lpse-node` mounts, and nothing else.
"""

from __future__ import annotations

import typer

from lpse.terminal.program import mount, start
from regional_node.cli import shared
from regional_node.cli.package_open import open_package

root = typer.Typer()
root.callback()(shared)
package = typer.Typer()
package.callback()(lambda: None)
package.command("open")(open_package)
root.add_typer(package, name="package")

if __name__ == "__main__":
    mount(root, ["regional_node.cli.queue", "regional_node.cli.receipt"])
    mount(root, ["regional_node.cli.upload"], nouns=False)
    start(root, "lpse-node")

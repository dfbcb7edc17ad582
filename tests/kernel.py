"""Cells run in a kernel of this interpreter, for tests of what a notebook shows."""

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager


def run_cells(*sources: str) -> nbformat.NotebookNode:
    """A notebook of these cells, executed in order."""
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    manager = AsyncKernelManager(
        kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=NbvalKernelspecManager()
    )
    return NotebookClient(nb, km=manager, timeout=60).execute()

"""Settings for Sphinx. The sources that they apply to are collected by build.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "ext"))

ADDRESS = "https://dask-segmentation.github.io/image-segmentation-with-dask/"
REPOSITORY = "https://github.com/dask-segmentation/image-segmentation-with-dask"

project = "Image segmentation with Dask"
author = "The Image segmentation with Dask developers"
copyright = f"{author}. Text: CC BY 4.0; code: BSD 3-clause; data: CC0 1.0"
language = "en"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "course_pages",
]
exclude_patterns = ["generated/*"]

# Notebooks arrive executed; widgets and formulas would need scripts from the network.
nb_execution_mode = "off"
nb_ipywidgets_js = {}
nb_mime_priority_overrides = [("html", "text/latex", None)]
myst_enable_extensions = ["attrs_block", "colon_fence"]
myst_heading_anchors = 3
myst_heading_slug_func = "course_pages.anchor"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
default_role = "py:obj"
suppress_warnings = ["ref.python"]  # a class has an entry where it is imported, too
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_preprocess_types = False
python_display_short_literal_types = True

copybutton_selector = ":not(.output) > div.highlight pre"  # no button on outputs
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "sphinx_book_theme"
html_title = project
html_baseurl = ADDRESS
html_static_path = ["static"]
html_css_files = ["course.css"]
html_js_files = ["course.js"]
html_logo = "static/logo.svg"
html_favicon = "static/logo.svg"
html_show_sphinx = False
html_context = {"default_mode": "auto"}
html_copy_source = True
html_theme_options = {
    "repository_url": REPOSITORY,
    "repository_branch": "main",
    "use_repository_button": True,
    "use_issues_button": True,
    "use_fullscreen_button": False,
    "navbar_persistent": [],  # the field in the sidebar is enough
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "search_bar_text": "Search the course",
    "logo": {"text": project, "alt_text": "Image segmentation with Dask: to the start page"},
}

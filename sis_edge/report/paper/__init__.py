"""A report's tables and charts for a paper: LaTeX, CSV, SVG and PDF, one file each, with captions that stand alone.

latex.py     a table or a figure as LaTeX
units.py     a unit that a column's cells share goes to its heading
captions.py  what a caption says: the mark, what is shown, of which run
csv.py       a table with all digits
pdf.py       a chart as PDF
folder.py    the files
"""

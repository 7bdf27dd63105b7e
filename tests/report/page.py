"""A strict reader of the page: balanced tags, what it loads, headings, links, folded parts, and the cells of tables."""

from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "link", "input"}
LOADS = ("src", "xlink:href", "data", "srcset", "action", "poster")


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.headings: list[tuple[int, str]] = []
        self.figures: list[str] = []
        self.scripts: list[str] = []
        self.folded: list[str] = []
        self.tables: list[tuple[dict, list[list[tuple[list[str], str]]]]] = []
        self.row_marks: list[list[list[str]]] = []
        self.regions: list[str] = []
        self.title = self.answer = self.words = ""
        self._cell: tuple[list[str], str] | None = None
        self._mark: str | None = None
        self._is_answer = False
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        given = dict(attrs)
        self.attributes += attrs
        self.loaded += [given[name] for name in LOADS if given.get(name)]
        (self.links if tag == "a" else self.loaded).extend([given["href"]] if given.get("href") else [])
        self.ids += [given["id"]] if "id" in given else []
        if tag in {"h1", "h2", "h3", "h4", "h5"}:
            self.headings.append((int(tag[1]), ""))
        if tag == "figure":
            self.figures.append("")
        if tag == "script":
            self.scripts.append("")
        if tag == "details":
            self.folded.append("")
        if given.get("role") in {"region", "img", "group"}:
            self.regions.append(given.get("aria-label") or given.get("aria-labelledby", ""))
        if tag == "table":
            self.tables.append((given, []))
            self.row_marks.append([])
        if tag == "tr" and self.tables:
            self.tables[-1][1].append([])
            self.row_marks[-1].append([])
        if tag in {"td", "th"} and "data-fields" in given:
            self._cell = (given["data-fields"].split(), "")
        if given.get("class") == "mark":
            self._mark = ""
        self._is_answer = self._is_answer or given.get("class") == "answer"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag
        if tag in {"td", "th"} and self._cell is not None:
            self.tables[-1][1][-1].append((self._cell[0], self._cell[1].strip()))
            self._cell = None
        if tag == "span" and self._mark is not None:
            if "tr" in self.open:
                self.row_marks[-1][-1].append(self._mark)
            self._mark = None
        self._is_answer = self._is_answer and tag != "p"

    def handle_data(self, data) -> None:
        if "script" in self.open:
            self.scripts[-1] += data
            return
        if "style" in self.open:
            return
        if "title" in self.open and "svg" not in self.open:
            self.title += data
        self.words += data
        if self._is_answer:
            self.answer += data
        if self.headings and self.open[-1] == f"h{self.headings[-1][0]}":
            self.headings[-1] = (self.headings[-1][0], self.headings[-1][1] + data)
        if "summary" in self.open:
            self.folded[-1] += data
        if "figure" in self.open:
            self.figures[-1] += data
        if self._mark is not None:
            self._mark += data
        elif self._cell is not None:
            self._cell = (self._cell[0], self._cell[1] + data)

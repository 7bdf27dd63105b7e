"""A strict reader of the page: balanced tags, what it loads, its headings, and the cells of its tables."""

from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.figures: list[str] = []
        self.scripts: list[tuple[dict, str]] = []
        self.tables: list[tuple[dict, list[list[tuple[list[str], str]]]]] = []
        self.regions: list[str] = []
        self.words = ""
        self._cell: tuple[list[str], str] | None = None
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        given = dict(attrs)
        self.links += [given[name] for name in ("src", "href", "xlink:href", "data", "srcset") if given.get(name)]
        self.ids += [given["id"]] if "id" in given else []
        if tag in {"h1", "h2", "h3", "h4"}:
            self.headings.append(int(tag[1]))
        if tag == "figure":
            self.figures.append("")
        if tag == "script":
            self.scripts.append((given, ""))
        if given.get("role") in {"region", "img"}:
            self.regions.append(given.get("aria-label", ""))
        if tag == "table":
            self.tables.append((given, []))
        if tag == "tr" and self.tables:
            self.tables[-1][1].append([])
        if tag in {"td", "th"} and "data-fields" in given:
            self._cell = (given["data-fields"].split(), "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag
        if tag in {"td", "th"} and self._cell is not None:
            self.tables[-1][1][-1].append(self._cell)
            self._cell = None

    def handle_data(self, data) -> None:
        if "script" in self.open:
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
            return
        self.words += data
        if self._cell is not None:
            self._cell = (self._cell[0], self._cell[1] + data)
        if "figure" in self.open:
            self.figures[-1] += data

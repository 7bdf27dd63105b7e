"""Stretches of sustained work in words."""


def duration(seconds: float) -> str:
    """Seconds in words.

    >>> duration(42.4), duration(250), duration(1800), duration(5400)
    ('42 s', '4 min 10 s', '30 min', '1 h 30 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes >= 60:
        hours, left = divmod(minutes, 60)
        return f"{hours} h" + (f" {left} min" if left else "")
    return f"{minutes} min" + (f" {rest} s" if rest else "")

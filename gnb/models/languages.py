"""The languages that people are written to in."""

LANGUAGES = ("tr", "en", "de", "ru", "ar", "fr")
"""What a user or a customer may prefer. Texts exist in `TEXT_LANGUAGES`; the others fall back to English."""

TEXT_LANGUAGES = ("tr", "en")
DEFAULT_LANGUAGE = "en"


def localized(texts: dict[str, str], language: str) -> str:
    """The text in the language asked for, else in English, else in whichever there is ("" when there is none)."""
    return texts.get(language) or texts.get(DEFAULT_LANGUAGE) or next(iter(texts.values()), "")

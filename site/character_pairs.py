"""The search language of the Chinese edition: every pair of neighbouring characters is a word.

"卷积网络" is found where 卷积, 积网 and 网络 all stand. No dictionary is needed, and no word is cut
in the wrong place. Latin words are stemmed as in English.
"""

import re
from itertools import pairwise

from sphinx.search.en import SearchEnglish

HAN = r"\u3400-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[{HAN}]+|[^\W{HAN}]+")


class CharacterPairs(SearchEnglish):
    lang = "zh"
    js_splitter_code = f"""
var splitQuery = (query) => (query.match(/[{HAN}]+|(?:(?![{HAN}])[\\p{{L}}\\p{{N}}_])+/gu) || [])
  .flatMap((word) => (/[{HAN}]{{2}}/.test(word)
    ? Array.from(word.slice(1), (next, i) => word[i] + next) : [word]));
"""

    def split(self, input: str) -> list[str]:
        """The words of a text; a run of Chinese gives its characters and their pairs."""
        return [piece for word in WORD.findall(input) for piece in pieces(word)]


def pieces(word: str) -> list[str]:
    """["卷", "积", "层", "卷积", "积层"] for "卷积层"; a Latin word stays as it is."""
    if not re.match(f"[{HAN}]", word):
        return [word]
    return [*word, *(a + b for a, b in pairwise(word))]

"""The project's open points: one shape, so that people and machines can read them."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "todos"
FIELDS = {
    "status": r"pending|ready|in-progress|complete",
    "priority": r"p[123]",
    "issue_id": r'"\d{3}"',
    "tags": r"\[[a-z0-9, -]+\]",
    "dependencies": r'\[("\d{3}"(, "\d{3}")*)?\]',
}
SECTIONS = ["Problem Statement", "Findings", "Proposed Solutions", "Acceptance Criteria", "Work Log"]
TODOS = sorted(FOLDER.glob("*.md"))


def front_matter(text):
    head = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    assert head, "no front matter"
    return dict(line.split(": ", 1) for line in head[1].splitlines())


@pytest.mark.parametrize("path", TODOS, ids=lambda path: path.stem)
def test_a_todo_has_its_front_matter_and_its_sections(path):
    text = path.read_text(encoding="utf-8")
    fields = front_matter(text)
    assert list(fields) == list(FIELDS)
    for name, value in fields.items():
        assert re.fullmatch(FIELDS[name], value), (name, value)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    parts = re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]
    assert all(part.strip() for part in parts)


def test_the_names_say_number_status_priority_and_what_it_is_about():
    assert TODOS
    numbers = []
    for path in TODOS:
        fields = front_matter(path.read_text(encoding="utf-8"))
        number = fields["issue_id"].strip('"')
        assert re.fullmatch(rf"{number}-{fields['status']}-{fields['priority']}-[a-z0-9-]+", path.stem)
        numbers.append(number)
    assert len(set(numbers)) == len(numbers)


def test_what_a_todo_depends_on_exists():
    all_fields = [front_matter(path.read_text(encoding="utf-8")) for path in TODOS]
    known = {fields["issue_id"] for fields in all_fields}
    for fields in all_fields:
        assert set(re.findall(r'"\d{3}"', fields["dependencies"])) <= known

"""The revisions, in the order of their numbers; none is changed once it has been released."""

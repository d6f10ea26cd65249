"""Call every public function and every loader with thousands of inputs, good ones and wild ones.

``python -m tests.fuzz`` runs all of it. For each input: the documented error or a right result, no argument changed, no
warning, an answer within seconds and within bounded memory, the same answer for every memory layout of an array.
"""

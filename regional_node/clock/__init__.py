"""How far the clock of this machine is to be trusted.

Read `rules` first (what a measurement says, how its error grows, what counts as a step), then
`store` (one row, and the journal entry of a step), then `keeper` (all clocks at once, for whoever
judges by time) and `worker` (looks for steps).
"""

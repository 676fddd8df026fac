//! Makes samples: the micro world.

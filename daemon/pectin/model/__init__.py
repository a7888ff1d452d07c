"""The words of Pectin as values: media, job, plan, intent, event, errors. Pure: nothing here touches the world, and
everything else may import it. A class belongs here when two rooms speak about it."""

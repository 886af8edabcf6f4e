use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};

use super::content::Content;
use super::random::Random;

/// Names a file or a directory, whatever path leads there.
pub(super) type Id = u64;

const ROOT: Id = 0;

#[derive(Clone)]
enum Node {
    File { content: Content, open: usize },
    Dir { names: Names, durable: Names },
}

type Names = BTreeMap<String, Id>;

/// A name given (to a node) or taken away.
#[derive(Clone)]
struct Edit {
    dir: Id,
    name: String,
    node: Option<Id>,
}

/// Files and directories: those that a process sees, and those that a power cut would leave.
#[derive(Clone)]
pub(super) struct Tree {
    nodes: BTreeMap<Id, Node>,
    next: Id,
    /// What no sync of a directory covers yet, oldest first. The edits of one call happen
    /// together or not at all, unless a sync of one of two directories parts them.
    pending: Vec<Vec<Edit>>,
}

impl Tree {
    pub(super) fn new() -> Self {
        let root = Node::Dir { names: Names::new(), durable: Names::new() };
        Self { nodes: BTreeMap::from([(ROOT, root)]), next: ROOT + 1, pending: Vec::new() }
    }

    /// The file at a path.
    pub(super) fn file(&self, path: &str) -> io::Result<Id> {
        let id = self.find(path)?;
        match self.nodes[&id] {
            Node::File { .. } => Ok(id),
            Node::Dir { .. } => Err(ErrorKind::IsADirectory.into()),
        }
    }

    /// A file's bytes. A file that is open, or has a name, is always there.
    pub(super) fn content(&mut self, file: Id) -> &mut Content {
        let Some(Node::File { content, .. }) = self.nodes.get_mut(&file) else {
            panic!("no file has the id {file}");
        };
        content
    }

    /// Counts those who have a file open: it keeps its bytes when it loses its last name.
    pub(super) fn opened(&mut self, file: Id) -> io::Result<()> {
        let Some(Node::File { open, .. }) = self.nodes.get_mut(&file) else {
            return Err(ErrorKind::NotFound.into());
        };
        *open += 1;
        Ok(())
    }

    pub(super) fn closed(&mut self, file: Id) {
        if let Some(Node::File { open, .. }) = self.nodes.get_mut(&file) {
            *open -= 1;
        }
    }

    pub(super) fn create(&mut self, path: &str) -> io::Result<Id> {
        let (dir, name) = self.place(path)?;
        if self.names(dir)?.contains_key(&name) {
            let file = self.file(path)?;
            self.content(file).truncate();
            return Ok(file);
        }
        let file = self.add(Node::File { content: Content::default(), open: 0 });
        self.change(vec![Edit { dir, name, node: Some(file) }]);
        Ok(file)
    }

    pub(super) fn create_dir(&mut self, path: &str) -> io::Result<()> {
        let (dir, name) = self.vacant(path)?;
        let node = self.add(Node::Dir { names: Names::new(), durable: Names::new() });
        self.change(vec![Edit { dir, name, node: Some(node) }]);
        Ok(())
    }

    pub(super) fn hard_link(&mut self, from: &str, to: &str) -> io::Result<()> {
        let file = self.file(from)?;
        let (dir, name) = self.vacant(to)?;
        self.change(vec![Edit { dir, name, node: Some(file) }]);
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let file = self.file(from)?;
        let (from_dir, from_name) = self.place(from)?;
        let (dir, name) = self.place(to)?;
        match self.names(dir)?.get(&name) {
            // Two names of one file: rename(2) does nothing.
            Some(replaced) if *replaced == file => return Ok(()),
            Some(_) => drop(self.file(to)?),
            None => {}
        }
        self.change(vec![
            Edit { dir: from_dir, name: from_name, node: None },
            Edit { dir, name, node: Some(file) },
        ]);
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &str) -> io::Result<()> {
        self.file(path)?;
        let (dir, name) = self.place(path)?;
        self.change(vec![Edit { dir, name, node: None }]);
        Ok(())
    }

    pub(super) fn remove_dir(&mut self, path: &str) -> io::Result<()> {
        let removed = self.find(path)?;
        if !self.names(removed)?.is_empty() {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        let (dir, name) = self.place(path)?;
        self.change(vec![Edit { dir, name, node: None }]);
        Ok(())
    }

    pub(super) fn list(&self, path: &str) -> io::Result<Vec<String>> {
        Ok(self.names(self.find(path)?)?.keys().cloned().collect())
    }

    pub(super) fn sync_dir(&mut self, path: &str) -> io::Result<()> {
        let synced = self.find(path)?;
        self.names(synced)?;
        for mut edits in std::mem::take(&mut self.pending) {
            for edit in edits.extract_if(.., |edit| edit.dir == synced) {
                self.outlive(edit);
            }
            if !edits.is_empty() {
                self.pending.push(edits);
            }
        }
        self.forget_unreachable();
        Ok(())
    }

    /// The bytes of all files that have a name or are open.
    pub(super) fn used(&self) -> u64 {
        let named = self.reachable([ROOT], |names, _| names.values().copied().collect());
        let bytes = self.nodes.iter().map(|(id, node)| match node {
            Node::File { content, open } if *open > 0 || named.contains(id) => {
                content.bytes().len() as u64
            }
            _ => 0,
        });
        bytes.sum()
    }

    /// The paths of all files.
    pub(super) fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut dirs = vec![(String::new(), ROOT)];
        while let Some((path, dir)) = dirs.pop() {
            for (name, id) in self.names(dir).into_iter().flatten() {
                let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                match self.nodes[id] {
                    Node::File { .. } => files.push(path),
                    Node::Dir { .. } => dirs.push((path, *id)),
                }
            }
        }
        files.sort_unstable();
        files
    }

    /// What is found after a power cut. Names that were synced stay; of what happened to others
    /// some lasts, all, or nothing.
    pub(super) fn after_power_cut(&self, random: &mut Random) -> Self {
        let mut tree = self.clone();
        let pending = std::mem::take(&mut tree.pending);
        let kept_of_4 = random.below(5);
        let cut = if random.flip() { random.below(pending.len() + 1) } else { pending.len() };
        for edits in pending.into_iter().take(cut) {
            if random.below(4) < kept_of_4 {
                edits.into_iter().for_each(|edit| tree.outlive(edit));
            }
        }
        for node in tree.nodes.values_mut() {
            match node {
                Node::File { content, open } => {
                    *content = content.after_power_cut(random);
                    *open = 0;
                }
                Node::Dir { names, durable } => names.clone_from(durable),
            }
        }
        tree.forget_unreachable();
        tree
    }

    fn find(&self, path: &str) -> io::Result<Id> {
        let mut id = ROOT;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            id = *self.names(id)?.get(name).ok_or(ErrorKind::NotFound)?;
        }
        Ok(id)
    }

    fn names(&self, dir: Id) -> io::Result<&Names> {
        match &self.nodes[&dir] {
            Node::Dir { names, .. } => Ok(names),
            Node::File { .. } => Err(ErrorKind::NotADirectory.into()),
        }
    }

    /// The directory of a path, and the name in it.
    fn place(&self, path: &str) -> io::Result<(Id, String)> {
        let dir = self.find(crate::disk::parent(path))?;
        self.names(dir)?;
        let name = path.rsplit('/').next().filter(|name| !name.is_empty());
        Ok((dir, name.ok_or(ErrorKind::InvalidInput)?.to_owned()))
    }

    /// As [`Self::place`], where nothing may be yet.
    fn vacant(&self, path: &str) -> io::Result<(Id, String)> {
        let (dir, name) = self.place(path)?;
        if self.names(dir)?.contains_key(&name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        Ok((dir, name))
    }

    fn add(&mut self, node: Node) -> Id {
        let id = self.next;
        self.next += 1;
        self.nodes.insert(id, node);
        id
    }

    fn change(&mut self, edits: Vec<Edit>) {
        for edit in &edits {
            if let Some(Node::Dir { names, .. }) = self.nodes.get_mut(&edit.dir) {
                edit.clone().apply(names);
            }
        }
        self.pending.push(edits);
    }

    /// Makes an edit last.
    fn outlive(&mut self, edit: Edit) {
        if let Some(Node::Dir { durable, .. }) = self.nodes.get_mut(&edit.dir) {
            edit.apply(durable);
        }
    }

    /// Drops what nothing leads to any more, not even after a power cut.
    fn forget_unreachable(&mut self) {
        let edited = self.pending.iter().flatten().flat_map(|edit| [Some(edit.dir), edit.node]);
        let open = self.nodes.iter().filter_map(|(id, node)| match node {
            Node::File { open, .. } if *open > 0 => Some(*id),
            _ => None,
        });
        let roots = [ROOT].into_iter().chain(edited.flatten()).chain(open);
        let kept = self.reachable(roots, |names, durable| {
            names.values().chain(durable.values()).copied().collect()
        });
        self.nodes.retain(|id, _| kept.contains(id));
    }

    fn reachable(
        &self,
        roots: impl IntoIterator<Item = Id>,
        follow: impl Fn(&Names, &Names) -> Vec<Id>,
    ) -> BTreeSet<Id> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<Id> = roots.into_iter().collect();
        while let Some(id) = open.pop() {
            if reached.insert(id)
                && let Some(Node::Dir { names, durable }) = self.nodes.get(&id)
            {
                open.extend(follow(names, durable));
            }
        }
        reached
    }
}

impl Edit {
    fn apply(self, names: &mut Names) {
        match self.node {
            Some(node) => names.insert(self.name, node),
            None => names.remove(&self.name),
        };
    }
}

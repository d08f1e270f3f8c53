// The JupyterLab extension of hepnb, as a page loads it: written by hand, without a build step.
//
// A double click on a ROOT or Parquet file opens a console in its folder with a file browser on it; "Open With"
// offers a fit panel for JSON, XML and text. JupyterLab is told that such a file has no format, so that it does
// not read it: the kernel does.

(() => {
  const FILES = "hepnb-file";  // the model of a file whose content the page does not want
  const MODULES = [
    "@jupyterlab/docregistry", "@jupyterlab/notebook", "@jupyterlab/apputils", "@lumino/widgets",
  ];
  // The message of a panel that wants its code in a cell; see `chrome.js`.
  const INSERT = "hepnb:insert-cell";

  async function shared(scope, name) {
    const versions = scope[name];
    const version = Object.keys(versions).find((one) => versions[one].loaded) ?? Object.keys(versions)[0];
    return (await versions[version].get())();
  }

  const literal = (text) => JSON.stringify(text).replace(/[\u007f-\uffff]/g, (letter) =>
    `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);

  function programOf(path) {
    const name = path.split("/").pop();
    if (/\.(root(\.\d+)?|parquet|pq)$/i.test(name)) {
      return `import hepnb\n\nbrowser = hepnb.FileBrowser(root=".", file=${surrogates(name)})\nbrowser`;
    }
    return `import hepnb\n\npanel = hepnb.FitPanel(workspace=${surrogates(name)})\npanel`;
  }

  // Python does not join two escaped halves of a letter, as JSON does: it is written as one.
  const surrogates = (name) => literal(name).replace(/\\u(d[89ab]..)\\u(d[cdef]..)/g, (_, high, low) => {
    const letter = ((parseInt(high, 16) - 0xd800) << 10) + parseInt(low, 16) - 0xdc00 + 0x10000;
    return `\\U${letter.toString(16).padStart(8, "0")}`;
  });

  function pythonKernel(app) {
    const specs = app.serviceManager.kernelspecs.specs;
    const known = specs?.kernelspecs ?? {};
    const isPython = (name) => known[name]?.language === "python";
    return isPython(specs?.default) ? specs.default : Object.keys(known).find(isPython);
  }

  // One console for each folder: its kernel is used again.
  const consoles = new Map();

  async function openFile(app, path, placeholder) {
    const parts = path.split("/");
    const name = parts.pop();
    const folder = parts.join("/");
    const kernel = pythonKernel(app);
    if (!kernel) throw new Error("There is no Python kernel to open the file with.");
    let panel = consoles.get(folder);
    if (!panel || panel.isDisposed) {
      panel = await app.commands.execute("console:create", {
        basePath: folder, cwd: folder, kernelPreference: { name: kernel, shouldStart: true, canStart: true },
        ref: placeholder.id, insertMode: "tab-after", activate: true,
      });
      consoles.set(folder, panel);
    } else {
      app.shell.activateById(panel.id);
    }
    await panel.sessionContext.ready;
    panel.title.label = name;
    await panel.console.inject(programOf(path));
  }

  function filesPlugin({ docregistry, apputils, widgets }) {
    class NoContent extends docregistry.TextModelFactory {
      get name() { return FILES; }
      get contentType() { return "file"; }
      get fileFormat() { return null; }
    }
    class Opener extends docregistry.ABCWidgetFactory {
      constructor(app, options) { super(options); this.app = app; }
      createNewWidget(context) {
        const content = new widgets.Widget();
        content.node.textContent = "Starting a kernel ...";
        content.node.style.padding = "1em";
        const document = new docregistry.DocumentWidget({ content, context });
        context.ready
          .then(() => openFile(this.app, context.path, document))
          .then(() => document.dispose())
          .catch((error) => {
            content.node.textContent = String(error.message ?? error);
            apputils.showErrorMessage("The file cannot be opened", error);
          });
        return document;
      }
    }
    return {
      id: "hepnb:files",
      description: "Opens ROOT and Parquet files in a file browser, workspaces in a fit panel",
      autoStart: true,
      activate(app) {
        const registry = app.docRegistry;
        const types = [
          { name: "root-file", displayName: "ROOT file", extensions: [".root"], pattern: "\\.[rR][oO][oO][tT](\\.\\d+)?$" },
          { name: "parquet-file", displayName: "Parquet file", extensions: [".parquet", ".pq"] },
        ];
        for (const type of types) {
          registry.addFileType({ ...type, mimeTypes: ["application/octet-stream"], contentType: "file", fileFormat: null });
        }
        registry.addModelFactory(new NoContent());
        const names = types.map((type) => type.name);
        registry.addWidgetFactory(new Opener(app, {
          name: "hepnb", label: "hepnb", modelName: FILES, readOnly: true,
          fileTypes: [...names, "json", "text", "xml"], defaultFor: names,
        }));
      },
    };
  }

  function cellsPlugin({ notebook }) {
    return {
      id: "hepnb:cells",
      description: "Puts the code of a panel into a new cell below it",
      autoStart: true,
      requires: [notebook.INotebookTracker],
      activate(_app, tracker) {
        document.addEventListener(INSERT, (event) => {
          const panel = tracker.find((one) => one.node.contains(event.target));
          if (!panel) return;
          const cells = panel.content.widgets;
          const place = cells.findIndex((cell) => cell.node.contains(event.target));
          if (place < 0) return;
          panel.content.activeCellIndex = place;
          notebook.NotebookActions.insertBelow(panel.content);
          panel.content.activeCell.model.sharedModel.setSource(event.detail.code);
          event.preventDefault();  // tells the panel that it is done
        });
      },
    };
  }

  let plugins = null;
  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB.hepnb = {
    init(scope) {
      plugins ??= Promise.all(MODULES.map((name) => shared(scope, name)))
        .then(([docregistry, notebook, apputils, widgets]) => {
          const modules = { docregistry, notebook, apputils, widgets };
          return [filesPlugin(modules), cellsPlugin(modules)];
        });
    },
    async get() {
      const made = await plugins;
      return () => ({ __esModule: true, default: made });
    },
  };
})();
